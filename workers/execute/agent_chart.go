package execute

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aeriehq/aerie/cloud/kube"
	"github.com/aeriehq/aerie/cloud/kube/helm"
	ev "github.com/aeriehq/aerie/events"
)

// PackCharts packs charts, each a directory of its name.
func PackCharts(own fs.FS) (map[string][]byte, error) {
	all, err := fs.ReadDir(own, ".")
	packed := map[string][]byte{}
	for _, d := range all {
		data, wrong := pack(own, d.Name())
		if wrong == nil && len(data) > helm.MaxArchive {
			wrong = fmt.Errorf("pack chart %s: it has %d bytes: at most %d are installed", d.Name(), len(data), helm.MaxArchive)
		}
		packed[d.Name()], err = data, errors.Join(err, wrong)
	}
	return packed, err
}

// ServerCharts fetches and keeps the charts of the server that an agent works for. A file is used only if it has the digest that the
// server tells, so the directory may be lost or damaged.
type ServerCharts struct {
	dir string
	ask func(ctx context.Context, q ev.ChartQuestion) (ev.ChartPiece, error)

	fetching sync.Mutex // one is fetched at a time
	mu       sync.Mutex
	digests  map[string]string // by name; none: nothing was told
}

// NewServerCharts opens a directory of charts, which is made when there is one to keep.
func NewServerCharts(dir string, ask func(ctx context.Context, q ev.ChartQuestion) (ev.ChartPiece, error)) *ServerCharts {
	return &ServerCharts{dir: dir, ask: ask}
}

// Limits on what a control plane may send: it may be in somebody else's hands.
const (
	mostCharts = 50
	mostPieces = 64 // of one chart
)

var digestForm = regexp.MustCompile(`^[0-9a-f]{64}$`) // it is a file's name here

// SetDigests notes which charts the server has.
func (s *ServerCharts) SetDigests(digests map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.digests = map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(digests)) {
		if len(s.digests) < mostCharts {
			s.digests[name] = digests[name]
		}
	}
}

// told is what the server has told of a chart; some tells whether it has told anything of charts.
func (s *ServerCharts) told(name string) (digest string, some bool) {
	if s == nil {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.digests[name], len(s.digests) > 0
}

// own is one of the server's own charts, packed: of an agent the one that the server tells of.
func (c *Charts) own(ctx context.Context, name string) ([]byte, error) {
	digest, some := c.Server.told(name)
	if !some {
		return pack(c.Own, name)
	}
	if digest == "" {
		return nil, unknownChart(name)
	}
	if data, err := pack(c.Own, name); err == nil && ev.HashOf(string(data)) == digest {
		return data, nil
	}
	return c.Server.get(ctx, name, digest)
}

// get reads a chart that was kept, or fetches it.
func (s *ServerCharts) get(ctx context.Context, name, digest string) ([]byte, error) {
	if !digestForm.MatchString(digest) {
		return nil, notBrought(name, fmt.Errorf("%q is no digest", ev.Cut(digest, 64)))
	}
	path := filepath.Join(s.dir, digest+".tgz")
	if data := kept(path, digest); data != nil { // whoever fetches another one keeps nobody
		return data, nil
	}
	s.fetching.Lock()
	defer s.fetching.Unlock()
	if data := kept(path, digest); data != nil {
		return data, nil
	}
	data, err := s.fetch(ctx, digest)
	if err != nil {
		return nil, notBrought(name, err)
	}
	if err := s.keep(path, data); err != nil {
		slog.Warn("a chart of the server's is not kept, and will be fetched again", "chart", name, "err", err)
	}
	return data, nil
}

// kept is a chart that is on disk and whole; nil if there is none.
func kept(path, digest string) []byte {
	if data, err := os.ReadFile(path); err == nil && ev.HashOf(string(data)) == digest {
		return data
	}
	return nil
}

// fetch asks for a chart, piece by piece.
func (s *ServerCharts) fetch(ctx context.Context, digest string) ([]byte, error) {
	var all bytes.Buffer
	for range mostPieces {
		p, err := s.ask(ctx, ev.ChartQuestion{Digest: digest, From: all.Len()})
		switch {
		case err != nil:
			return nil, err
		case p.Error != "":
			return nil, errors.New(ev.Truncate(p.Error))
		case p.Size > helm.MaxArchive || all.Len()+len(p.Data) > min(p.Size, helm.MaxArchive):
			return nil, fmt.Errorf("it has more than %d bytes, or than it says", helm.MaxArchive)
		}
		if all.Write(p.Data); all.Len() < p.Size {
			continue
		}
		if got := ev.HashOf(all.String()); got != digest {
			return nil, fmt.Errorf("what came has the digest %s and not %s", got, digest)
		}
		return all.Bytes(), nil
	}
	return nil, fmt.Errorf("it comes in more than %d pieces", mostPieces)
}

// keep keeps a chart, and none that the server no longer has.
func (s *ServerCharts) keep(path string, data []byte) error {
	s.mu.Lock()
	known := slices.Collect(maps.Values(s.digests))
	s.mu.Unlock()
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return err
	}
	files, err := os.ReadDir(s.dir)
	for _, f := range files {
		if digest, _ := strings.CutSuffix(f.Name(), ".tgz"); !slices.Contains(known, digest) {
			err = errors.Join(err, os.Remove(filepath.Join(s.dir, f.Name())))
		}
	}
	return errors.Join(err, os.WriteFile(path, data, 0o600))
}

// notBrought is that a chart of the server's is not here yet: it is asked for again.
func notBrought(name string, err error) error {
	return &kube.Error{Code: kube.Unavailable, Op: "fetch chart", Object: name, Message: "the server's own chart did not come: " + err.Error(), Err: err}
}

func unknownChart(name string) error {
	return &kube.Error{Code: kube.Invalid, Op: "read chart", Object: name, Message: "the server has no chart of its own of that name: give a repository"}
}
