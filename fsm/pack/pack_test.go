package pack_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/aeriehq/aerie/fsm/pack"
	"github.com/aeriehq/aerie/fsm/sequence"
)

type inner struct {
	Name string
	Many []string
	More *inner2
}

type inner2 struct{ On bool }

type kept struct {
	Beside string `pack:"-"`
	N      int
	At     time.Time
	Of     map[string]string
	Any    map[string]any
	List   []inner
	Seqs   sequence.List
}

func full() kept {
	return kept{
		N: -7, At: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Of: map[string]string{"a": "b"},
		Any:  map[string]any{"x": []any{1.5, "y", true, nil, map[string]any{"z": 0.0}}},
		List: []inner{{Name: "one", Many: []string{}, More: &inner2{On: true}}, {Name: "two"}},
		Seqs: sequence.Of([]uint64{3, 9}),
	}
}

// TestWhatIsWrittenIsRead reads a value as it was written, and none of what its tags leave out.
func TestWhatIsWrittenIsRead(t *testing.T) {
	layout := pack.LayoutOf(reflect.TypeFor[kept]())
	v := full()
	v.Beside = "kept elsewhere"
	text := string(layout.Append(nil, &v))
	r, got := pack.NewReader(text), kept{}
	layout.Read(r, &got)
	if !r.Whole() || !reflect.DeepEqual(got, full()) {
		t.Errorf("read %+v, whole: %t", got, r.Whole())
	}
}

// TestDamageIsTold cuts off what was written at each byte, and adds one.
func TestDamageIsTold(t *testing.T) {
	layout := pack.LayoutOf(reflect.TypeFor[kept]())
	v := full()
	text := string(layout.Append(nil, &v))
	damaged := []string{text + "\x00"}
	for n := range text {
		damaged = append(damaged, text[:n])
	}
	for _, d := range damaged {
		r := pack.NewReader(d)
		if layout.Read(r, &kept{}); r.Whole() {
			t.Errorf("%d of %d bytes are whole", len(d), len(text))
		}
	}
}

// TestWhatCannotBeKept panics for what would be lost without a word.
func TestWhatCannotBeKept(t *testing.T) {
	for _, unfit := range []reflect.Type{reflect.TypeFor[struct{ hidden int }](), reflect.TypeFor[float64](), reflect.TypeFor[map[int]int]()} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s can be kept", unfit)
				}
			}()
			pack.LayoutOf(unfit)
		}()
	}
}
