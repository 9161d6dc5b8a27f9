package eks

import (
	"encoding/json"
	"slices"
)

// configurable are the settings that EKS' schemas let some add-ons have, of what they are about the parts that decide how
// a client must behave; a schema takes nothing besides. Of what is not here everything is taken.
var configurable = map[string]map[string][]string{
	"aws-ebs-csi-driver": {"controller": {"extraVolumeTags"}, "node": {"tolerateAllTaints", "volumeAttachLimit"}},
}

// configured refuses values that an add-on's schema does not have.
func configured(addon, values string) error {
	schema := configurable[addon]
	if values == "" || schema == nil {
		return nil
	}
	var given map[string]map[string]any
	if err := json.Unmarshal([]byte(values), &given); err != nil {
		return wrong("ConfigurationValue is not in valid JSON or YAML format")
	}
	for part, settings := range given {
		for name := range settings {
			if !slices.Contains(schema[part], name) {
				return wrong("ConfigurationValue provided in request is not supported: Json schema validation failed with error: [$.%s.%s: is not defined in the schema and the schema does not allow additional properties]", part, name)
			}
		}
	}
	return nil
}
