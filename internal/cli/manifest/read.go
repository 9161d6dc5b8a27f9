package manifest

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/manifest/document"
	"github.com/aeriehq/aerie/internal/client"
)

// maxFaults is how many faults are told at once.
const maxFaults = 100

// Read reads every input and refuses them all if one has a fault. What
// could be read is returned with the faults.
func Read(kinds *events.Registry, paths []string, stdin io.Reader) (all []Manifest, faults []Fault, err error) {
	if len(paths) == 0 {
		return nil, nil, client.Invalid("-f", "is missing: a file, a directory, or - for standard input")
	}
	for _, path := range paths {
		files, err := filesOf(path)
		if err != nil {
			return nil, nil, err
		}
		for _, file := range files {
			data, err := ReadFile(file, stdin)
			if err != nil {
				return nil, nil, err
			}
			some, wrong := Decode(kinds, file, data)
			all, faults = append(all, some...), append(faults, wrong...)
		}
	}
	faults = append(faults, doubled(all)...)
	if len(all) == 0 && len(faults) == 0 {
		return nil, nil, client.Invalid("-f", "no document in %s", events.Truncate(strings.Join(paths, ", ")))
	}
	return all, faults, nil
}

// filesOf lists the files of an input: itself, or a directory's *.yaml and
// *.yml, however deep, in the order of their names.
func filesOf(path string) (files []string, err error) {
	if path == "-" {
		return []string{path}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, client.Invalid("-f", "%v", err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	root := path
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		root += string(filepath.Separator) // else the link itself is walked
	}
	var found fileList
	err = filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		switch ext := filepath.Ext(p); {
		case err != nil:
			return err
		case d.IsDir() && p != root && strings.HasPrefix(d.Name(), ".."):
			return fs.SkipDir // where a mounted ConfigMap keeps what its links lead to
		case ext == ".yaml" || ext == ".yml":
			return found.add(p)
		}
		return nil
	})
	if err != nil {
		return nil, client.Invalid("-f", "%v", err)
	}
	if len(found.paths) == 0 {
		return nil, client.Invalid("-f", "no *.yaml or *.yml in %s", events.Truncate(path))
	}
	return found.paths, nil
}

// fileList lists files, each once.
type fileList struct {
	paths []string
	infos []fs.FileInfo
}

// add adds a file, or what a link leads to, unless that is a directory or there already.
func (l *fileList) add(path string) error {
	info, err := os.Stat(path)
	if err != nil || info.IsDir() || slices.ContainsFunc(l.infos, func(i fs.FileInfo) bool { return os.SameFile(i, info) }) {
		return err
	}
	l.paths, l.infos = append(l.paths, path), append(l.infos, info)
	return nil
}

// ReadFile reads an input, at most a little more than it may have.
func ReadFile(path string, stdin io.Reader) ([]byte, error) {
	in := stdin
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, client.Invalid("-f", "%v", err)
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, client.Invalid("-f", "%v", err)
	}
	return data, nil
}

// DecodeOne reads the one document that a flag gives, or its file; nil if there is none in it.
func DecodeOne(flag, file string, data []byte) (any, error) {
	docs, wrong := document.Split(data)
	switch {
	case len(data) > maxInput:
		return nil, client.Invalid(flag, "more than %d MiB", maxInput>>20)
	case wrong == nil && len(docs) == 0:
		return nil, nil
	case wrong == nil && len(docs) > 1:
		return nil, client.Invalid(flag, "%d documents: want one; apply takes more", len(docs))
	}
	var raw any
	if wrong == nil {
		raw, wrong = docs[0].Decode()
	}
	var faults []events.FieldError
	for _, f := range wrong[:min(len(wrong), maxFaults)] {
		message := f.Text()
		if f.Field != "document" {
			message = f.Field + ": " + message
		}
		if file != "" {
			message = file + ": " + message
		}
		faults = append(faults, events.FieldError{Field: flag, Message: message})
	}
	return raw, events.RefuseFaults("arguments", faults)
}

// doubled finds documents about one entity.
func doubled(all []Manifest) (faults []Fault) {
	first := map[events.Ref]Manifest{}
	for _, m := range all {
		if m.Ref.ID == "" {
			continue // that is a fault already
		}
		if other, twice := first[m.Ref]; twice {
			faults = append(faults, m.at("name", "is already in %s:document %d: one document for each entity", other.file, other.n))
			continue
		}
		first[m.Ref] = m
	}
	return faults
}

// refuseAs is Refuse with another code than invalid.
func refuseAs(code events.Code, faults []Fault) error {
	err := Refuse(faults)
	var r *events.Refusal
	if errors.As(err, &r) {
		r.Code = code
	}
	return err
}

// Refuse is the refusal of faulty manifests; nil if there are none.
func Refuse(faults []Fault) error {
	if len(faults) == 0 {
		return nil
	}
	files := map[string]int{}
	for _, f := range faults {
		if _, known := files[f.file]; !known {
			files[f.file] = len(files)
		}
	}
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(files[a.file], files[b.file]), cmp.Compare(a.n, b.n))
	})
	var all []events.FieldError
	for _, f := range faults[:min(len(faults), maxFaults)] {
		all = append(all, events.FieldError{Field: f.where() + ": " + f.Field, Message: f.Text()})
	}
	err := events.RefuseFaults("manifests", all)
	var r *events.Refusal
	if errors.As(err, &r) {
		r.Message = fmt.Sprintf("manifests: faults: %d; nothing was sent", len(faults))
		if left := len(faults) - maxFaults; left > 0 {
			r.Message += fmt.Sprintf("; the first %d are:", maxFaults)
		}
	}
	return err
}
