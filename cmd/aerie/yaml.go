package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v2"

	"github.com/aeriehq/aerie/events"
)

// errTooLarge is what a document says that grows too large when its aliases are
// followed: a few lines can mean gigabytes.
var errTooLarge = fmt.Errorf("more than %d KiB once its aliases are followed", 4*events.MaxBody>>10)

// decodeYAML reads one document into what encoding/json would have made of it,
// with numbers as json.Number. A key that is there twice is an error. It is the
// YAML library of sigs.k8s.io/yaml; its detour over JSON text is left out,
// because that writes out every alias before anyone can count.
func decodeYAML(data []byte) (any, error) {
	var raw any
	if err := yaml.UnmarshalStrict(data, &raw); err != nil {
		return nil, errors.New(oneLine(err))
	}
	room := 4 * events.MaxBody
	return jsonOf(raw, &room)
}

// oneLine puts the library's message on one line, without its own name.
func oneLine(err error) string {
	msg := strings.TrimPrefix(err.Error(), "yaml: ")
	msg = strings.TrimPrefix(msg, "unmarshal errors:\n")
	parts := strings.Split(msg, "\n")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return strings.Join(parts, "; ")
}

func jsonOf(v any, room *int) (any, error) {
	if *room -= 8; *room < 0 {
		return nil, errTooLarge
	}
	switch v := v.(type) {
	case nil, bool:
		return v, nil
	case string:
		*room -= len(v)
		return strings.ToValidUTF8(v, "\uFFFD"), nil
	case int:
		return json.Number(strconv.Itoa(v)), nil
	case int64:
		return json.Number(strconv.FormatInt(v, 10)), nil
	case uint64:
		return json.Number(strconv.FormatUint(v, 10)), nil
	case float64:
		return floatOf(v)
	case []any:
		return listOf(v, room)
	case map[any]any:
		return objectOf(v, room)
	}
	return fmt.Sprint(v), nil
}

func floatOf(v float64) (any, error) {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return nil, fmt.Errorf("%v is no number JSON could carry", v)
	}
	text, err := json.Marshal(v)
	return json.Number(text), err
}

func listOf(v []any, room *int) (any, error) {
	out := make([]any, len(v))
	for i := range v {
		var err error
		if out[i], err = jsonOf(v[i], room); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func objectOf(v map[any]any, room *int) (any, error) {
	out := make(map[string]any, len(v))
	for k, val := range v {
		name, err := keyOf(k)
		if err != nil {
			return nil, err
		}
		if _, twice := out[name]; twice {
			return nil, fmt.Errorf("the key %q is there twice", events.Clip(name))
		}
		*room -= len(name)
		if out[name], err = jsonOf(val, room); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// keyOf takes strings and numbers for keys. YAML reads yes, no, on and off as
// true and false; nobody means that, so it is an error.
func keyOf(k any) (string, error) {
	switch k := k.(type) {
	case string:
		if k == "" {
			return "", errors.New("a key is empty")
		}
		return strings.ToValidUTF8(k, "\uFFFD"), nil
	case int, int64, uint64, float64:
		return fmt.Sprint(k), nil
	}
	return "", fmt.Errorf("the key %s must be a string: put it in quotes", events.Clip(fmt.Sprint(k)))
}
