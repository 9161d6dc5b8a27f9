package server

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/events/eventlog/filestore"
	"github.com/aeriehq/aerie/projections/api"
	"github.com/aeriehq/aerie/projections/identity"
)

const (
	// tokenFile is the admin token's file in the data directory.
	tokenFile = "token"
	// tokenStateFile says what the token in tokenFile was made for, so that a start needs no log to know whether it is good.
	tokenStateFile = "token.state"
	// enableFile is where who is on this host proves it: he writes there what he sends.
	enableFile = "token.enable"
)

// answerFirst is how long who asked for a change of the local token has to get his answer, which may come over what is cut then.
const answerFirst = 250 * time.Millisecond

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
	return drawToken(dir)
}

func drawToken(dir string) (string, error) {
	token := rand.Text()
	if err := filestore.WriteWhole(filepath.Join(dir, tokenFile), []byte(token+"\n")); err != nil {
		return "", fmt.Errorf("write the admin token: %w: make the data directory writable", err)
	}
	return token, nil
}

// localToken keeps the token of the data directory as the log wants it.
type localToken struct {
	dir   string
	token string
	who   *identity.Registry
	mu    sync.Mutex // held while it is made what the log wants
}

// held is what was made of the log's wishes before: nothing, if nobody wished anything.
func (l *localToken) held() (held identity.LocalToken) {
	data, err := os.ReadFile(filepath.Join(l.dir, tokenStateFile))
	if err == nil {
		_ = json.Unmarshal(data, &held) // what can't be read is made again
	}
	return held
}

// atStart is the token while the log is not read yet: none if it was disabled when this directory was last served.
func (l *localToken) atStart() string {
	if l.held().Disabled {
		return ""
	}
	return l.token
}

// follow makes of the token what the log wants, now and whenever that changes.
func (l *localToken) follow(ctx context.Context) error {
	_, news := l.who.Local()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-news:
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(answerFirst):
			l.settle()
		}
	}
}

// settle makes of the token what the log wants now. A new one is on the disk before the old one ends, and what it
// was drawn for after that: a kill in between has it drawn once more. One that can't be written is none.
func (l *localToken) settle() {
	l.mu.Lock()
	defer l.mu.Unlock()
	wanted, _ := l.who.Local()
	held := l.held()
	if wanted.Rotation != "" && wanted.Rotation != held.Rotation {
		token, err := drawToken(l.dir)
		if err != nil {
			slog.Error("the local token was to be rotated and lets nobody in", "err", err)
			l.who.UseLocal("")
			return
		}
		l.token = token
		slog.Info("the local token is another one", "file", filepath.Join(l.dir, tokenFile))
	}
	if wanted != held {
		data, err := json.Marshal(wanted)
		if err == nil {
			err = filestore.WriteWhole(filepath.Join(l.dir, tokenStateFile), append(data, '\n'))
		}
		if err != nil {
			slog.Error("the state of the local token is not written", "err", err)
		}
	}
	if wanted.Disabled {
		l.who.UseLocal("")
		return
	}
	l.who.UseLocal(l.token)
}

// enableLocal lets the local token in again, for who has written a proof into the data directory: he is on this host, and may
// read the token there.
func (c *Control) enableLocal(ctx context.Context, proof string) (ev.Answer, error) {
	path := filepath.Join(c.local.dir, enableFile)
	data, err := os.ReadFile(path)
	written := strings.TrimSpace(string(data))
	if err != nil || len(written) < tokenLength || subtle.ConstantTimeCompare([]byte(written), []byte(proof)) != 1 {
		return ev.Answer{}, ev.Refuse(ev.Denied, "this works only on the server's host: aerie auth local-token enable, with its --data-dir")
	}
	if err := os.Remove(path); err != nil {
		return ev.Answer{}, fmt.Errorf("take the proof away: %w", err)
	}
	ref := ev.LocalPrincipal
	answer, err := c.command(ctx, api.CommandRequest{Owner: ref.Owner, Kind: ref.Kind, Name: ref.ID, Verb: "enable", Body: []byte("{}"),
		Caller: ev.LocalAdmin()})
	if err == nil {
		c.local.settle() // whoever asked comes in with his next request
	}
	return answer, err
}
