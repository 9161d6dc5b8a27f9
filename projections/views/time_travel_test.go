package views_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/projections/apitest"
	"github.com/aeriehq/aerie/projections/views"
)

// newLife is a life whose present is the time of its last event.
func newLife(t *testing.T, seed uint64) *apitest.Life {
	l := apitest.NewLife(t, seed)
	l.Views.SetNow(func() time.Time { return l.Tick.Add(-time.Minute) })
	return l
}

func TestThePastReadsAsItDidThen(t *testing.T) {
	pairs := 1000
	if testing.Short() {
		pairs = 100
	}
	const seed = 1
	l := newLife(t, seed)
	var all []apitest.Told
	for len(all) < pairs {
		for range l.Chance.IntN(4) {
			l.Step()
		}
		was := l.Tell(l.Question())
		all = append(all, was)
		var page struct{ Next *string }
		if json.Unmarshal([]byte(was.Body), &page) == nil && page.Next != nil && !strings.Contains(was.Question, "/v1/events") {
			all = append(all, l.Tell(was.Question+"&cursor="+*page.Next))
		}
	}
	l.Chance.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for i, was := range all {
		at := fmt.Sprint(was.Seq)
		if i%3 == 0 {
			at = was.At.Format(time.RFC3339)
		}
		question := strings.Replace(was.Question, "?x", "?", 1) + "&at=" + at
		now := l.Ask("GET", strings.Replace(question, "?&", "?", 1), "")
		if now.StatusCode != was.Status || was.Status == http.StatusOK && now.Body != was.Body {
			t.Fatalf("GET %s\n%d %s\nat the time:\n%d %s", question, now.StatusCode, now.Body, was.Status, was.Body)
		}
	}
}

// TestBothWaysToAPageGiveTheSame puts few in order, and goes through the order of all.
func TestBothWaysToAPageGiveTheSame(t *testing.T) {
	l := newLife(t, 2)
	for range 300 {
		l.Step()
	}
	for range 500 {
		question := strings.TrimSuffix(l.Question(), "?x")
		few := l.Tell(question)
		l.Views.SetSorted(0)
		if many := l.Tell(question); many.Body != few.Body {
			t.Fatalf("GET %s\n%s\nand\n%s", question, few.Body, many.Body)
		}
		l.Views.SetSorted(views.Sorted)
	}
}

func TestListsComeInTheOrderAskedFor(t *testing.T) {
	s := apitest.New(t)
	s.Platform()
	for _, path := range []string{"b/two", "a/one", "a/two"} {
		if owner, _, _ := strings.Cut(path, "/"); path != "a/two" {
			s.Customer(owner, nil)
		}
		s.Tenant(path, "free", nil)
	}
	s.Place("a/two", "-/eu")
	s.Happen(apitest.Ref(events.Tenant, "b/two"), events.LabelsChanged{Labels: map[string]string{"x": "y"}})
	for order, want := range map[string]string{
		"name": "a/one a/two b/two", "-name": "b/two a/two a/one",
		"created": "b/two a/one a/two", "-created": "a/two a/one b/two",
		"seq": "a/one a/two b/two", "-seq": "b/two a/two a/one",
		"phase": "a/one b/two a/two", "-phase": "a/two b/two a/one",
	} {
		for _, few := range []int{views.Sorted, 0} {
			s.Views.SetSorted(few)
			if got := s.Names("/v1/tenants?sort=" + order); got != want {
				t.Errorf("by %s: %s, want %s", order, got, want)
			}
			var paged []string
			for target := "/v1/tenants?limit=1&sort=" + order; target != ""; {
				page := apitest.Fetch[views.List[plain]](s, target)
				paged = append(paged, page.Items[0].Owner+"/"+page.Items[0].ID)
				target = ""
				if page.Next != nil {
					target = "/v1/tenants?limit=1&sort=" + order + "&cursor=" + *page.Next
				}
			}
			if got := strings.Join(paged, " "); got != want {
				t.Errorf("by %s, page by page: %s, want %s", order, got, want)
			}
		}
	}
}
