package execute

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/aeriehq/aerie/cloud/kube/helm"
	ev "github.com/aeriehq/aerie/events"
)

// A control plane of another version, which answers what it has, and counts how often it is asked.
type bringing struct {
	charts map[string][]byte // by digest
	asked  int
}

func (b *bringing) answer(_ context.Context, q ev.ChartQuestion) (ev.ChartPiece, error) {
	b.asked++
	data, some := b.charts[q.Digest]
	if !some {
		return ev.ChartPiece{Error: "no chart here has it"}, nil
	}
	return ev.ChartPiece{Size: len(data), Data: data[q.From:min(len(data), q.From+ev.MostOfChart)]}, nil
}

func (b *bringing) digests() map[string]string {
	named := map[string]string{}
	for _, digest := range slices.Sorted(maps.Keys(b.charts)) {
		named[fmt.Sprint("chart", len(named))] = digest
	}
	return named
}

func bytesOf(n int) []byte {
	data := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data)
	return data
}

func noted(data ...[]byte) *bringing {
	b := &bringing{charts: map[string][]byte{}}
	for _, d := range data {
		b.charts[ev.HashOf(string(d))] = d
	}
	return b
}

// TestAnAgentInstallsTheServersCharts: a chart of the server's comes once, in pieces, whatever the agent's own program has, and stays
// for when nobody can be asked.
func TestAnAgentInstallsTheServersCharts(t *testing.T) {
	its := fstest.MapFS{"chart0/Chart.yaml": {Data: []byte("name: chart0")}}
	whole := bytesOf(2*ev.MostOfChart + 1)
	server, dir := noted(whole), filepath.Join(t.TempDir(), "charts")
	c := &Charts{Own: its, Server: NewServerCharts(dir, server.answer)}
	get := func(want []byte, asked int) {
		t.Helper()
		got, err := c.own(t.Context(), "chart0")
		if err != nil || !bytes.Equal(got, want) || server.asked != asked {
			t.Errorf("%d bytes after %d questions, want %d and %d: %v", len(got), server.asked, len(want), asked, err)
		}
	}
	packed, err := PackCharts(its)
	if err != nil {
		t.Fatal(err)
	}
	get(packed["chart0"], 0) // a server of the release before tells nothing
	c.Server.SetDigests(server.digests())
	get(whole, 3)
	get(whole, 3)
	c.Server = NewServerCharts(dir, func(context.Context, ev.ChartQuestion) (ev.ChartPiece, error) {
		return ev.ChartPiece{}, errors.New("away")
	})
	c.Server.SetDigests(server.digests())
	get(whole, 3)
	file := filepath.Join(dir, ev.HashOf(string(whole))+".tgz")
	if err := os.WriteFile(file, whole[:100], 0o600); err != nil { // torn
		t.Fatal(err)
	}
	c.Server = NewServerCharts(dir, server.answer)
	c.Server.SetDigests(server.digests())
	get(whole, 6)
	if _, err := c.own(t.Context(), "another"); err == nil || !strings.Contains(err.Error(), "no chart of its own") {
		t.Errorf("a chart that the server has not: %v", err)
	}

	newer := bytesOf(1000)
	server.charts = noted(newer).charts
	c.Server.SetDigests(server.digests())
	get(newer, 7)
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("what the server no longer has is still there: %v %v", files, err)
	}
	server.charts = noted(packed["chart0"]).charts
	c.Server.SetDigests(server.digests())
	get(packed["chart0"], 7) // this program has the same
}

// TestNoChartOfAHostileControlPlaneIsInstalled: what is not what was told, is too large or never ends is not installed and leaves nothing behind.
func TestNoChartOfAHostileControlPlaneIsInstalled(t *testing.T) {
	good := bytesOf(1000)
	digest := ev.HashOf(string(good))
	for name, row := range map[string]struct {
		digest string
		answer func(q ev.ChartQuestion) ev.ChartPiece
		want   string
	}{
		"another one":         {digest, func(ev.ChartQuestion) ev.ChartPiece { return ev.ChartPiece{Size: 3, Data: []byte("abc")} }, "has the digest"},
		"nothing":             {digest, func(ev.ChartQuestion) ev.ChartPiece { return ev.ChartPiece{} }, "has the digest"},
		"too large":           {digest, func(ev.ChartQuestion) ev.ChartPiece { return ev.ChartPiece{Size: helm.MaxArchive + 1, Data: good} }, "more than"},
		"more than it says":   {digest, func(ev.ChartQuestion) ev.ChartPiece { return ev.ChartPiece{Size: 999, Data: good} }, "more than"},
		"less than nothing":   {digest, func(ev.ChartQuestion) ev.ChartPiece { return ev.ChartPiece{Size: -1, Data: good} }, "more than"},
		"without an end":      {digest, func(ev.ChartQuestion) ev.ChartPiece { return ev.ChartPiece{Size: 1000, Data: []byte("a")} }, "pieces"},
		"empty pieces":        {digest, func(ev.ChartQuestion) ev.ChartPiece { return ev.ChartPiece{Size: 1000} }, "pieces"},
		"growing":             {digest, func(q ev.ChartQuestion) ev.ChartPiece { return ev.ChartPiece{Size: q.From + 2000, Data: good} }, "pieces"},
		"a path for a digest": {"../../agent", func(ev.ChartQuestion) ev.ChartPiece { return ev.ChartPiece{Size: 1000, Data: good} }, "is no digest"},
		"refused":             {digest, func(ev.ChartQuestion) ev.ChartPiece { return ev.ChartPiece{Error: "no"} }, "no"},
	} {
		t.Run(name, func(t *testing.T) {
			home := t.TempDir()
			c := &Charts{Own: fstest.MapFS{}, Server: NewServerCharts(filepath.Join(home, "charts"), func(_ context.Context, q ev.ChartQuestion) (ev.ChartPiece, error) {
				return row.answer(q), nil
			})}
			c.Server.SetDigests(map[string]string{"exporter": row.digest})
			got, err := c.own(t.Context(), "exporter")
			if err == nil || len(got) > 0 || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%d bytes, %v", len(got), err)
			}
			if reason, _ := ReasonOf(err); row.digest == digest && reason.Fault == ev.ByUser {
				t.Errorf("the customer is to blame: %+v", reason)
			}
			if left, err := os.ReadDir(home); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v %v", left, err)
			}
		})
	}
	many := map[string]string{}
	for i := range 10_000 {
		many[fmt.Sprint("chart", i)] = digest
	}
	s := NewServerCharts(t.TempDir(), nil)
	if s.SetDigests(many); len(s.digests) > mostCharts {
		t.Errorf("it remembers %d charts", len(s.digests))
	}
}
