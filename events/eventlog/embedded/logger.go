package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
)

// logger hands the server's warnings and errors to slog. What it notices and
// debugs is dropped: aerie says itself that it is up.
type logger struct {
	to     *slog.Logger
	failed chan struct{}          // gets word of a write that failed; has room for one
	beyond atomic.Pointer[func()] // counts what somebody tried beyond his rights; nil: nobody counts
	mu     sync.Mutex
	denied atomic.Pointer[func(actor, subject string)]
	fatal  string // the last thing the server could not start for
}

func (l *logger) Noticef(string, ...any) {}
func (l *logger) Debugf(string, ...any)  {}
func (l *logger) Tracef(string, ...any)  {}

func (l *logger) Warnf(format string, v ...any) {
	message := fmt.Sprintf(format, v...)
	l.to.Warn(message, "from", "nats-server")
	l.notice(message)
}

func (l *logger) Errorf(format string, v ...any) {
	message := fmt.Sprintf(format, v...)
	if isViolation(message) {
		if count := l.beyond.Load(); count != nil {
			(*count)()
		}
	}
	level := slog.LevelError
	if ofClient.MatchString(message) {
		level = slog.LevelWarn
	}
	l.to.Log(context.Background(), level, message, "from", "nats-server")
	l.notice(message)
	if tell := l.denied.Load(); tell != nil {
		if v := violation.FindStringSubmatch(message); v != nil {
			(*tell)(v[1], v[2])
		}
	}
}

// ofClient is how what nats-server says of a connection from outside begins. It calls an error what a client does wrong, such as
// a token that lets nobody in; the server has none then. Our own connections, which are in the process, have no port.
var ofClient = regexp.MustCompile(`^\S+:\d+ - [cw]id:\d+ - `)

// violation is what nats-server says of a client that published or subscribed where it may not. What a client calls itself stands
// before that, and may look the same; a subject has no spaces. So only the end is looked at.
var violation = regexp.MustCompile(`^.* - "[^"/ ]+/user:([a-z]+:[0-9A-Za-z]+)" - (?:Publish|Subscription) Violation - Subject "([^" ]*)"(?:, (?:Queue: "[^" ]*", )?SID [^ ]*)?$`)

// isViolation tells whether somebody has tried what he may not.
func isViolation(message string) bool {
	return strings.Contains(message, "Publish Violation") || strings.Contains(message, "Subscription Violation")
}

// notice passes on that a write failed.
func (l *logger) notice(message string) {
	if !failedWrite(message) {
		return
	}
	select {
	case l.failed <- struct{}{}:
	default:
	}
}

// Fatalf is called where the server gives up. It does not end our process: Start
// returns the reason.
func (l *logger) Fatalf(format string, v ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fatal = fmt.Sprintf(format, v...)
}

// reason is why the server did not become ready.
func (l *logger) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fatal == "" {
		return fmt.Errorf("not ready after %s", readyTimeout)
	}
	return errors.New(l.fatal)
}
