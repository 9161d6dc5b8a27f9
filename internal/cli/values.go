package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest"
	"github.com/aeriehq/aerie/internal/cli/setting"
	"github.com/aeriehq/aerie/internal/client"
)

// valueFlags give a chart values beside those of the spec, as Helm's do: files first, in their order, then what is set.
type valueFlags struct {
	files, set []string
	read       map[string][]byte // what is in the files: standard input can be read once
}

// flags are there for what is installed alone.
func (v *valueFlags) flags(cmd *cobra.Command, empty events.Spec) {
	if _, ok := empty.(events.Installed); !ok {
		return
	}
	cmd.Flags().StringArrayVar(&v.files, "values", nil, "a file with values for the chart, as JSON or YAML; repeatable, a later one wins")
	cmd.Flags().StringArrayVar(&v.set, "set", nil, "values for the chart, as helm has it: a.b=c,d[0]=e; repeatable, wins over --values; in an update, what is not named stays")
}

func (v *valueFlags) given() bool { return len(v.files)+len(v.set) > 0 }

// giveParts puts what flags give of the spec into the body's: fields, and values.
func (f *verbFlags) giveParts(raw map[string]any, stdin io.Reader) error {
	if !f.ofSpec() {
		return nil
	}
	spec, ok := raw["spec"].(map[string]any)
	switch {
	case !ok && raw["spec"] != nil:
		return client.Invalid("--spec", "want an object")
	case spec == nil && f.base != nil:
		spec = f.base
	case spec == nil:
		spec = map[string]any{}
	}
	raw["spec"] = spec
	if err := f.parts.into(spec, "spec"); err != nil || !f.values.given() {
		return err
	}
	return f.values.into(spec, stdin)
}

// into puts them into a spec.
func (v *valueFlags) into(spec map[string]any, stdin io.Reader) error {
	values, ok := spec["values"].(map[string]any)
	if !ok && spec["values"] != nil {
		return client.Invalid("spec.values", "want an object, or none")
	}
	if values == nil {
		values = map[string]any{}
	}
	for _, file := range v.files {
		more, err := v.file(file, stdin)
		if err != nil {
			return err
		}
		merge(values, more)
	}
	for _, s := range v.set {
		if err := setting.Set(values, s); err != nil {
			return client.Invalid("--set", "%q: %v", events.Truncate(s), err)
		}
	}
	spec["values"] = values
	return nil
}

func (v *valueFlags) file(path string, stdin io.Reader) (map[string]any, error) {
	data, known := v.read[path]
	var err error
	if !known {
		data, err = manifest.ReadFile(path, stdin)
	}
	var r *events.Refusal
	if errors.As(err, &r) {
		r.Details[0].Field = "--values"
	}
	if err != nil {
		return nil, err
	}
	if v.read == nil {
		v.read = map[string][]byte{}
	}
	v.read[path] = data
	raw, err := manifest.DecodeOne("--values", path, data)
	if err != nil {
		return nil, err
	}
	values, ok := raw.(map[string]any)
	if !ok && raw != nil {
		return nil, client.Invalid("--values", "%s: want an object, as JSON or YAML", path)
	}
	return values, nil
}

// merge writes values over others, an object into an object.
func merge(into, over map[string]any) {
	for k, v := range over {
		inner, ok := v.(map[string]any)
		old, there := into[k].(map[string]any)
		if ok && there {
			merge(old, inner)
			continue
		}
		into[k] = v
	}
}

// present is the spec that an entity has now, for an update that names a part of it, and the sequence at which it has it.
func (f *verbFlags) present(cmd *cobra.Command, ref events.Ref) (spec map[string]any, seq uint64, err error) {
	ctx, cancel, err := f.Bound(cmd.Context())
	if err != nil {
		return nil, 0, err
	}
	defer cancel()
	cl, err := f.conn.Client(cmd)
	if err != nil {
		return nil, 0, err
	}
	defer cl.Close()
	err = cl.Retry(ctx, "read "+ref.String(), func(ctx context.Context) error {
		e, err := cl.Entity(ctx, ref, 0)
		if err != nil {
			return err
		}
		seq = e.Seq
		raw, err := client.DecodeJSON(e.Spec)
		if spec, _ = raw.(map[string]any); err != nil || spec == nil {
			return fmt.Errorf("read the spec of %s: %v", ref, err)
		}
		return nil
	})
	return spec, seq, err
}
