package cli

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// fieldFlags are flags for fields of a body or a spec, one each. What was not given is not sent: the server has the defaults.
type fieldFlags struct {
	flags  *pflag.FlagSet
	fields map[string]events.Field // by flag
}

// add makes flags of fields. It passes over a name that another flag of the command has.
func (f *fieldFlags) add(cmd *cobra.Command, conn *client.Connection, fields []events.Field) {
	f.flags = cmd.Flags()
	if f.fields == nil {
		f.fields = map[string]events.Field{}
	}
	for _, field := range fields {
		name := flagName(field.Path)
		if f.flags.Lookup(name) != nil {
			continue
		}
		f.fields[name] = field
		switch field.Type.Kind() {
		case reflect.Bool:
			f.flags.Bool(name, field.Default() == "true", flagUsage(field))
		case reflect.Int:
			n, _ := strconv.Atoi(field.Default()) // of our own tags; none is 0
			f.flags.Int(name, n, flagUsage(field))
		case reflect.Slice:
			f.flags.StringSlice(name, nil, flagUsage(field))
		default:
			f.flags.String(name, field.Default(), flagUsage(field))
		}
		completeField(cmd, conn, name, field)
	}
}

// flagName is the flag of a field: systemPool.max is --system-pool-max.
func flagName(path string) string {
	var b strings.Builder
	small := false // whether the letter before is a small one
	for _, r := range path {
		switch {
		case r == '.', r == '_':
			b.WriteByte('-')
		case unicode.IsUpper(r) && small:
			b.WriteByte('-')
			b.WriteRune(unicode.ToLower(r))
		default:
			b.WriteRune(unicode.ToLower(r))
		}
		small = unicode.IsLower(r)
	}
	return b.String()
}

// flagUsage says what a field means and may be.
func flagUsage(field events.Field) string {
	doc := field.Doc()
	if first, size := utf8.DecodeRuneInString(doc); !startsWithName(doc) {
		doc = string(unicode.ToLower(first)) + doc[size:]
	}
	if enum := field.Enum(); enum != nil {
		doc += ": " + strings.Join(enum, ", ")
	}
	if field.Type.Kind() == reflect.Slice {
		doc += "; repeatable, or with commas between"
	}
	return doc
}

// startsWithName tells whether the first word keeps its capital, as CIDR and Kubernetes do.
func startsWithName(doc string) bool {
	word, _, _ := strings.Cut(doc, " ")
	return word == "Kubernetes" || word == strings.ToUpper(word) && len(word) > 1
}

// given tells whether any of the fields was given.
func (f *fieldFlags) given() bool {
	for name := range f.fields {
		if f.flags.Changed(name) {
			return true
		}
	}
	return false
}

// into writes what was given into an object; root is where in the body that is, for messages.
func (f *fieldFlags) into(object map[string]any, root string) error {
	var names []string
	for name := range f.fields {
		if f.flags.Changed(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		value, err := f.value(name)
		if err != nil {
			return err
		}
		if !put(object, strings.Split(f.fields[name].Path, "."), value) {
			return client.Invalid("--"+name, "%s is no object that it could be put into", root)
		}
	}
	return nil
}

// put writes a value at a path of objects, which it makes where they are missing.
func put(object map[string]any, path []string, value any) bool {
	for ; len(path) > 1; path = path[1:] {
		inner, ok := object[path[0]].(map[string]any)
		if !ok && object[path[0]] != nil {
			return false
		}
		if inner == nil {
			inner = map[string]any{}
			object[path[0]] = inner
		}
		object = inner
	}
	object[path[0]] = value
	return true
}

func (f *fieldFlags) value(name string) (any, error) {
	var v any
	var err error
	switch f.fields[name].Type.Kind() {
	case reflect.Bool:
		v, err = f.flags.GetBool(name)
	case reflect.Int:
		v = json.Number(f.flags.Lookup(name).Value.String())
	case reflect.Slice:
		var list []string
		list, err = f.flags.GetStringSlice(name)
		all := make([]any, len(list))
		for i := range list {
			all[i] = list[i]
		}
		v = all
	default:
		v, err = f.flags.GetString(name)
	}
	if err != nil {
		return nil, fmt.Errorf("read --%s: %w", name, err)
	}
	return v, nil
}
