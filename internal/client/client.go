// Package client talks to one aerie server: it reads over HTTP and sends commands over NATS. It also has what every
// command that talks to a server needs: the flags that say where it is, waiting, exit codes, and how errors are printed.
// It decides nothing and knows no manifests and no tables. Begin reading at Client, then Command, Entity and Connection.
// A Client may be used by many goroutines at once. It keeps nothing on disk. A command has one id however often it is
// sent, so a client that was killed in the middle has commanded once or not at all; a new client sends it anew under
// another id.
package client

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/aeriehq/aerie/events"
)

const (
	AttemptTimeout = 5 * time.Second        // one try, before the same is asked again
	RetryPause     = 250 * time.Millisecond // between two tries
	maxAnswer      = 256 << 20              // bytes of an HTTP answer
	abreast        = 16                     // reads or commands under way at once
)

// Client talks to one server: reads over HTTP, commands and tails over NATS.
type Client struct {
	api   *url.URL
	http  *http.Client
	token string
	// tokenDir is where a server writes its token at its first start; "" where a token was given.
	tokenDir string
	at       string    // of which moment it reads; empty: now
	note     io.Writer // where it says that it is waiting for the server

	natsURL    string
	subject    string // what the caller's subjects begin with, once it was asked for
	whoami     atomic.Pointer[Whoami]
	shown      bool          // the token is shown to the NATS servers
	ca         func() []byte // the CA that is trusted besides, in PEM; nil: none
	options    []nats.Option // how to enter there
	mu         sync.Mutex    // guards subject and asked
	asked      map[*asking]bool
	nc         *nats.Conn // made at the first command
	connecting sync.Mutex // guards nc, and is held while it is made
	async      atomic.Pointer[error]
	noted      sync.Once

	patience time.Duration          // how long nothing may change while something is waited for
	speed    atomic.Pointer[string] // as the server last said it
	read     atomic.Pointer[string] // when the last event was that an answer of the past included
}

// New makes a client of the server at these addresses. It connects to nothing yet; Close it all the same.
func New(apiURL, natsURL, token string) (*Client, error) {
	api, err := url.Parse(apiURL)
	if err != nil || api.Scheme != "http" && api.Scheme != "https" || api.Host == "" {
		return nil, Invalid("--api-url", "%q is no HTTP address: want one such as %s", events.Truncate(apiURL), DefaultAPI)
	}
	if err := CheckNATSURL(natsURL); err != nil {
		return nil, err
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, Invalid("--token", "has characters that no token has")
	}
	options := []nats.Option{nats.Token(token)}
	if prefix := events.InboxPrefix(token); prefix != "" {
		options = append(options, nats.CustomInboxPrefix(prefix)) // the server lets it hear no others
	}
	return &Client{api: api, http: &http.Client{}, token: token, natsURL: natsURL, shown: !strings.Contains(natsURL, "@"),
		options: options, asked: map[*asking]bool{}, note: io.Discard, patience: RestWithin}, nil
}

// awaitToken has the client read its token from a data directory whenever it asks.
func (c *Client) awaitToken(dir string) {
	c.tokenDir = dir
	c.options = append(c.options, func(o *nats.Options) error {
		o.Token = c.credential()
		return nil
	})
}

// credential is the token that was given, or that the server has in its data directory by now: it makes one at its first start,
// before it lets anybody in, and who waits for that server may have begun before.
func (c *Client) credential() string {
	if c.token != "" || c.tokenDir == "" {
		return c.token
	}
	token, _ := readToken(c.tokenDir)
	return token
}

// ownSubject begins the subjects on NATS servers of aerie's own.
const ownSubject = "aerie."

// vouched tells whether an issuer says who the caller is. Then his token does not say by which id aerie knows him.
func (c *Client) vouched() bool { return strings.HasPrefix(c.token, "eyJ") }

// mayHaveOthers tells whether the caller may have other subjects than are known: no token says whether the NATS servers are aerie's own.
func (c *Client) mayHaveOthers() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.subject == "" && c.shown && (c.vouched() || events.InboxPrefix(c.token) != "")
}

// isNATS tells whether s may be a NATS address, with or without its scheme.
func isNATS(s string) bool {
	if !strings.Contains(s, "://") {
		s = "nats://" + s
	}
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != "" && slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme)
}

// NATSAddress is where the NATS servers are, without secrets.
func (c *Client) NATSAddress() string { return Redacted(c.natsURL) }

// Moment is when what was read was so, by which ages are told: the moment that --at names, or that of the last event up
// to the sequence that it names; else the present.
func (c *Client) Moment() time.Time {
	said := c.at
	if _, err := strconv.ParseUint(c.at, 10, 64); err == nil {
		if read := c.read.Load(); read != nil {
			said = *read
		}
	}
	at, err := time.Parse(time.RFC3339, said)
	if err != nil {
		return time.Now()
	}
	return at
}

// Hush has the client say nothing while it waits for the server.
func (c *Client) Hush() { c.note = io.Discard }

// Close ends the connections.
func (c *Client) Close() {
	c.connecting.Lock()
	defer c.connecting.Unlock()
	if c.nc != nil {
		c.nc.Close()
	}
	c.http.CloseIdleConnections()
}

// Speed is how many seconds pass in the server's simulated cloud in one of ours; 0 if it is not known, or takes no time.
func (c *Client) Speed() float64 {
	said := c.speed.Load()
	if said == nil {
		return 0
	}
	speed, err := strconv.ParseFloat(*said, 64)
	if err != nil {
		return 0
	}
	return speed
}

// Get reads one path of the API.
func (c *Client) Get(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	return c.Request(ctx, http.MethodGet, path, query)
}

// Post sends one path of the API a body of JSON.
func (c *Client) Post(ctx context.Context, path string, body []byte) (json.RawMessage, error) {
	return c.request(ctx, http.MethodPost, path, nil, body)
}

// Request asks one path of the API for something.
func (c *Client) Request(ctx context.Context, method, path string, query url.Values) (json.RawMessage, error) {
	return c.request(ctx, method, path, query, nil)
}

func (c *Client) request(ctx context.Context, method, path string, query url.Values, sent []byte) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*AttemptTimeout)
	defer cancel()
	u := c.api.JoinPath(path)
	if c.at != "" {
		query = maps.Clone(query)
		if query == nil {
			query = url.Values{}
		}
		query.Set("at", c.at)
	}
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u.String(), bytes.NewReader(sent))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", path, err)
	}
	if sent != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token := c.credential(); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := c.http.Do(req)
	if err != nil {
		if refused := distrusted("--api-url", err); refused != nil {
			return nil, refused
		}
		return nil, unreachable(c.api.Redacted(), err)
	}
	defer res.Body.Close()
	if speed := res.Header.Get(events.HeaderSpeed); speed != "" {
		c.speed.Store(&speed)
	}
	if at := res.Header.Get("Aerie-As-Of-Time"); at != "" {
		c.read.Store(&at)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, unreachable(c.api.Redacted(), err)
	}
	if res.StatusCode == http.StatusBadRequest && bytes.HasPrefix(body, []byte("Client sent an HTTP request to an HTTPS server")) {
		return nil, Invalid("--api-url", "the server speaks TLS there: want https://")
	}
	if res.StatusCode != http.StatusOK {
		return nil, problem(res.StatusCode, body)
	}
	if !json.Valid(body) {
		return nil, events.Refuse(events.Internal, "%s answered what is not JSON: is it an aerie server?", u.Redacted())
	}
	return body, nil
}

// distrusted is what this side refuses of a server, for which waiting is no use; nil if the server was not reached.
func distrusted(flag string, err error) error {
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &certificate):
		return Invalid(flag, "the server's certificate is not trusted: %v", certificate.Err)
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		return Invalid(flag, "the server speaks no TLS there: want http:// or nats://, or another port")
	case errors.Is(err, nats.ErrSecureConnWanted):
		return Invalid(flag, "the server speaks no TLS there, and TLS was asked for")
	}
	return nil
}

func unreachable(address string, err error) error {
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return events.Refuse(events.Unavailable, "no answer from %s: %v", address, err)
}

// problem reads an RFC 9457 document; where it has no code of ours, the status says it.
func problem(status int, body []byte) error {
	var p struct {
		events.Refusal
		Detail string `json:"detail"`
		Title  string `json:"title"`
	}
	_ = json.Unmarshal(body, &p) // something between us and the server may answer in its own words
	r := events.Refuse(cmp.Or(p.Code, codeOf(status)), "%s", cmp.Or(p.Message, cmp.Or(p.Detail, cmp.Or(p.Title, http.StatusText(status)))))
	r.Details = p.Details
	if status == http.StatusUnauthorized {
		r.Message += "; the token comes from --token, AERIE_TOKEN or <data-dir>/token"
	}
	return r
}

func codeOf(status int) events.Code {
	switch status {
	case http.StatusBadRequest:
		return events.Invalid
	case http.StatusUnauthorized, http.StatusForbidden:
		return events.Denied
	case http.StatusNotFound:
		return events.NotFound
	case http.StatusConflict:
		return events.Conflict
	case http.StatusUnprocessableEntity:
		return events.Refused
	case http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout, http.StatusTooManyRequests:
		return events.Unavailable
	}
	return events.Internal
}

// Retry tries until it is done, refused for good, or ctx ends: a server that
// is restarting is waited for, without a deadline in ctx as long as patience lasts.
func (c *Client) Retry(ctx context.Context, what string, try func(context.Context) error) error {
	if _, bounded := ctx.Deadline(); !bounded {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.patience)
		defer cancel()
	}
	why := "" // of the last try that was not cut short
	for {
		err := try(ctx)
		var r *events.Refusal
		again := errors.As(err, &r) && r.Retryable
		if again && (ctx.Err() == nil || why == "") {
			why = r.Message
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(ctx.Err(), context.Canceled):
			return fmt.Errorf("%s: %w", what, ctx.Err())
		case ctx.Err() != nil && again:
			return &Failure{Code: "timeout", Message: fmt.Sprintf("%s: %s", what, why), Exit: ExitTimeout}
		case ctx.Err() != nil:
			return fmt.Errorf("%s: %w", what, err)
		case !again:
			return err
		}
		c.noted.Do(func() { fmt.Fprintf(c.note, "waiting for the server: %s\n", Plain(r.Message)) })
		Sleep(ctx, RetryPause)
	}
}

// Sleep returns after d, or at once when ctx ends.
func Sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Each calls f for 0 to n-1, some abreast, and joins the errors in that order.
func Each(n int, f func(i int) error) error {
	errs := make([]error, n)
	free := make(chan struct{}, abreast)
	var all sync.WaitGroup
	for i := range n {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			errs[i] = f(i)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// FirstError keeps one of several errors that say the same: the server is not there.
func FirstError(err error) error {
	var all interface{ Unwrap() []error }
	if errors.As(err, &all) {
		return all.Unwrap()[0]
	}
	return err
}
