package server

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aeriehq/aerie/events/eventlog/filestore"
)

// tokenFile is the admin token's file in the data directory.
const tokenFile = "token"

// tokenLength is the least length of a token: that of those that are made here, 128 bits.
const tokenLength = 26

// AdminToken reads the admin token, and makes it at the first start. It is
// written aside and renamed, so that a kill leaves a whole one or none.
func AdminToken(dir string) (string, error) {
	path := filepath.Join(dir, tokenFile)
	data, err := os.ReadFile(path)
	held := strings.TrimSpace(string(data))
	if err == nil && len(held) >= tokenLength {
		return held, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("read the admin token: %w: make it readable for this user", err)
	}
	if err == nil {
		return "", fmt.Errorf("read the admin token: %s holds a token of %d characters, which can be guessed: want %d or more: remove the file to have a new one made", path, len(held), tokenLength)
	}
	token := rand.Text()
	if err := filestore.WriteWhole(path, []byte(token+"\n")); err != nil {
		return "", fmt.Errorf("write the admin token: %w: make the data directory writable", err)
	}
	return token, nil
}
