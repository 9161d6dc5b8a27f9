package callout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

const (
	// serversWithin is how long the servers may take to list connections: how many there are is not known. Whom a
	// slower one has is found by Watch's next look.
	serversWithin = 500 * time.Millisecond
	// kickWithin is how long a server may take to end a connection.
	kickWithin = 5 * time.Second
	// watchEvery is the pause between two looks at all connections.
	watchEvery = time.Minute
)

// Evict ends the connections of a caller who is no longer let in, or not as before. It says how many there were. Who was just
// entering is looked for again later, and when no server waits for an answer of before any more. The later looks are timers of
// this process: if it dies before them, Watch finds who was just entering. The first comes after a second, so that a connection which a
// slow server left out of its list ends within two. Evict blocks half a second, and up to five more for each connection.
func (s *Service) Evict(actor string) (int, error) {
	for _, later := range []time.Duration{time.Second, answerWithin + time.Second} {
		time.AfterFunc(later, func() { _, _ = s.evict(context.Background(), actor) }) // what is asked meanwhile is refused anyway
	}
	return s.evict(context.Background(), actor)
}

// Watch looks at the connections of all callers at once and then every minute, until ctx ends, and ends each whose caller did not
// come in with today's rights, or has no room for it. So a process that died before it ended one is made good by the next one, and a
// server that answers slowly by the next look. letIn says whether who came in under a name at a moment has the rights of now.
func (s *Service) Watch(ctx context.Context, letIn func(actor string, came time.Time) bool) error {
	for ctx.Err() == nil {
		n, err := s.look(ctx, letIn)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			slog.Warn("callers who are no longer let in may still be connected: they are looked for again", "in", watchEvery, "err", err)
		case n > 0:
			slog.Info("connections ended: their callers are no longer let in, or not as before, or have too many", "connections", n)
		}
		select {
		case <-ctx.Done():
		case <-time.After(watchEvery):
		}
	}
	return nil
}

// look ends the connections of who is no longer let in, and of the others those for which there is no room.
func (s *Service) look(ctx context.Context, letIn func(actor string, came time.Time) bool) (ended int, err error) {
	goes := func(c connection) bool { return !isProbeName(c.User) && !letIn(c.User, c.came) }
	all, err := s.connections(ctx, "")
	ended, failed := s.endAmong(ctx, all, goes)
	more, another := s.endBeyond(ctx, slices.DeleteFunc(all, goes))
	return ended + more, errors.Join(err, failed, another)
}

func (s *Service) evict(ctx context.Context, actor string) (int, error) {
	return s.end(ctx, actor, func(c connection) bool { return c.User == actor })
}

// end ends those connections of a caller, or of all for "", that are to go, and says how many it has ended.
func (s *Service) end(ctx context.Context, actor string, goes func(connection) bool) (int, error) {
	all, err := s.connections(ctx, actor)
	ended, failed := s.endAmong(ctx, all, goes)
	return ended, errors.Join(err, failed)
}

// endAmong goes on when a connection can't be ended.
func (s *Service) endAmong(ctx context.Context, all []connection, goes func(connection) bool) (ended int, err error) {
	var errs []error
	for _, c := range all {
		if !goes(c) {
			continue
		}
		if err := s.kick(ctx, c); err != nil {
			errs = append(errs, fmt.Errorf("end a connection of %s: %w", c.User, err))
			continue
		}
		ended++
	}
	return ended, errors.Join(errs...)
}

// connection is what a server says of one.
type connection struct {
	Cid    uint64
	User   string    `json:"authorized_user"`
	Start  time.Time // by the server's clock; who it is was asked later
	came   time.Time // the same by the clock of this machine, and rather too early than too late
	server string
}

// connections are those of a caller, or all for "".
func (s *Service) connections(ctx context.Context, actor string) ([]connection, error) {
	question := map[string]any{"auth": true, "limit": 1 << 20}
	if actor != "" {
		question["user"] = actor
	}
	asked := time.Now()
	answers, err := s.ask(ctx, listConnections, question, serversWithin)
	all, unread := connectionsOf(answers, asked)
	if err != nil {
		err = fmt.Errorf("find the connections of callers: %w", err)
	}
	return all, errors.Join(err, unread)
}

// connectionsOf reads what servers have answered, and goes on after an answer that can't be read.
func connectionsOf(answers [][]byte, asked time.Time) (all []connection, err error) {
	var errs []error
	for _, data := range answers {
		var of struct {
			Server struct{ ID string }
			Data   struct {
				Now         time.Time
				Connections []connection
			}
		}
		if err := json.Unmarshal(data, &of); err != nil {
			errs = append(errs, fmt.Errorf("read the connections of callers: %w", err))
			continue
		}
		for _, c := range of.Data.Connections {
			c.server, c.came = of.Server.ID, asked.Add(-of.Data.Now.Sub(c.Start))
			all = append(all, c)
		}
	}
	return all, errors.Join(errs...)
}

// kick ends a connection. A server does nothing without being asked for an answer.
func (s *Service) kick(ctx context.Context, c connection) error {
	order, err := json.Marshal(map[string]uint64{"cid": c.Cid})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, kickWithin)
	defer cancel()
	_, err = s.nc.RequestWithContext(ctx, "$SYS.REQ.SERVER."+c.server+".KICK", order)
	return err
}

// ask has several servers answer. What came in time is taken for all that there is.
func (s *Service) ask(ctx context.Context, subject string, question any, within time.Duration) (answers [][]byte, err error) {
	data, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	inbox := s.nc.NewInbox()
	sub, err := s.nc.SubscribeSync(inbox)
	if err != nil {
		return nil, err
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := s.nc.PublishRequest(subject, inbox, data); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	for {
		m, err := sub.NextMsgWithContext(ctx)
		switch {
		case errors.Is(err, context.DeadlineExceeded) && len(answers) > 0:
			return answers, nil
		case err != nil:
			return answers, err
		}
		answers = append(answers, m.Data)
	}
}
