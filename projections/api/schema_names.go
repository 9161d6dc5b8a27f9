package api

import (
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/views"
)

// schemaNames is what a type is called in /openapi.json and /asyncapi.json where that is
// not its Go name. Clients generate code from those names, so they are a contract: who
// renames a type gives it a line here. testdata/schemas.txt lists every name there is.
var schemaNames = map[reflect.Type]string{
	reflect.TypeFor[events.FieldError](): "Fault",
	reflect.TypeFor[events.Target]():     "Site",

	reflect.TypeFor[views.Entity[events.TenantSpec, *views.TenantObserved]]():             "EntityTenantSpecNone",
	reflect.TypeFor[views.List[views.Entity[events.TenantSpec, *views.TenantObserved]]](): "ListEntityTenantSpecNone",
}

// schemaName names the schema of a type.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if name, pinned := schemaNames[t]; pinned {
		return name
	}
	return huma.DefaultSchemaNamer(t, hint)
}
