package kube

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// values are what can stand in an object, made by programs as well as read.
func values() *rapid.Generator[any] {
	leaf := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny(),
		rapid.SampledFrom([]any{"\xff", "a\xc3b", "<&>\u2028", "", json.Number("7"), json.Number("1e3"), []byte("x"), struct{ A int }{1}}),
		rapid.Int().AsAny(), rapid.Int64().AsAny(), rapid.Int32().AsAny(), rapid.Uint64().AsAny(),
		rapid.Float64().AsAny(), rapid.SampledFrom([]any{1.0, math.Copysign(0, -1), 1e20, 1e21, math.MaxInt64 * 1.0, math.NaN(), math.Inf(1), func() {}}),
		rapid.SliceOfN(rapid.String(), 0, 3).AsAny(), rapid.MapOfN(rapid.String(), rapid.String(), 0, 3).AsAny(),
		rapid.SampledFrom([]any{map[string]any(nil), []any(nil), Object(nil), map[string]string(nil), []string(nil), (*int)(nil)}),
	)
	keys := rapid.SampledFrom([]string{"a", "b", "c", "", "\xff", "\xfe"})
	var nested func(depth int) *rapid.Generator[any]
	nested = func(depth int) *rapid.Generator[any] {
		if depth == 0 {
			return leaf
		}
		below := nested(depth - 1)
		return rapid.OneOf(leaf, rapid.SliceOfN(below, 0, 3).AsAny(), rapid.MapOfN(keys, below, 0, 4).AsAny(),
			rapid.Map(rapid.MapOfN(keys, below, 0, 3), func(m map[string]any) any { return Object(m) }))
	}
	return nested(3)
}

func throughJSON(t *rapid.T, o Object) Object {
	data, err := json.Marshal(o)
	if err != nil {
		t.Skip(err)
	}
	read, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

func objects() *rapid.Generator[Object] {
	fields := rapid.MapOfN(rapid.SampledFrom([]string{"metadata", "spec", "data"}), values(), 0, 3)
	return rapid.Map(fields, func(m map[string]any) Object { return m })
}

// What an object is when it is read, is what it is when it is written as JSON and decoded.
func TestAsReadIsThroughJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := objects().Draw(t, "o")
		want := throughJSON(t, o)
		if got, err := o.AsRead(); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%#v %v, through JSON %#v", got, err, want)
		}
	})
}

// What is lacking is the same whichever types the wish was made of; what has it all lacks nothing.
func TestLacksIsThroughJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wanted, there := objects().Draw(t, "wanted"), objects().Draw(t, "there")
		if rapid.Bool().Draw(t, "nearly the same") {
			there = wanted.Clone()
			there["data"] = objects().Draw(t, "data")
		}
		read, has := throughJSON(t, wanted), throughJSON(t, there)
		if got, want := Lacks(has, wanted), shortfall(has, read); got != want {
			t.Fatalf("lacks %q, through JSON %q", got, want)
		}
		if got := Lacks(read, wanted); got != "" {
			t.Fatalf("it has all and lacks %q", got)
		}
	})
}

// What is written of an object that was read is what encoding/json writes of it, but for the order of its fields.
func TestAppendJSONIsJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := throughJSON(t, objects().Draw(t, "o"))
		want := throughJSON(t, o)
		data, err := o.AppendJSON([]byte("before "))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Decode(data[len("before "):]); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%s: %#v %v, want %#v", data, got, err, want)
		}
	})
}
