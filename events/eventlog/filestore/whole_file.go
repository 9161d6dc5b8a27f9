package filestore

import "os"

// WriteWhole writes a file for this user alone, aside and then renamed into its place: a kill leaves the whole new one, or what
// was there before.
func WriteWhole(path string, data []byte) error {
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
