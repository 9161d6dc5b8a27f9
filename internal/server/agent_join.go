package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/nats-io/nats.go"

	ev "github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
	"github.com/aeriehq/aerie/workers/agents"
)

// joinAgain is how long on average until who could not join yet asks again.
const joinAgain = time.Second

// join shows the secret, and has the key of this agent taken.
func (a *agentProcess) join(ctx context.Context) error {
	t := a.token
	nc, err := a.enter(ctx, agents.Inbox(ev.HashOf(t.Secret)), nats.Token(agents.JoinToken(t.Owner, t.Agent, t.Secret)))
	if errors.Is(err, nats.ErrAuthorization) {
		return ev.Refuse(ev.Denied, "this token is unknown or no longer valid: get another one with aerie agent invite")
	}
	if err != nil {
		return ev.Refuse(ev.Unavailable, "no answer from %s: %v", client.Redacted(t.URL), err)
	}
	defer nc.Close()
	public, err := a.key.PublicKey()
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	if err := a.showKey(ctx, nc, public); err != nil {
		return err
	}
	a.token.Secret = ""
	data, err := ev.Encode(a.token)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	return a.write(agentFile, data)
}

// enter connects when the control plane can be reached: it may not have started yet, or have more to do than it can.
func (a *agentProcess) enter(ctx context.Context, inbox string, options ...nats.Option) (*nats.Conn, error) {
	for tries := 1; ; tries++ {
		nc, err := a.dial(inbox, options...)
		if err == nil || errors.Is(err, nats.ErrAuthorization) || errors.Is(err, client.ErrKeptOut) || ctx.Err() != nil {
			return nc, err
		}
		slog.Warn("the control plane was not reached, will try again", "err", err)
		client.Sleep(ctx, beforeTry(tries))
	}
}

// showKey has the agent's key taken. It asks until there is an answer, or the token is no longer good: the same key again is harmless,
// and where many join at once some have to ask again.
func (a *agentProcess) showKey(ctx context.Context, nc *nats.Conn, public string) error {
	at := ev.AgentSubject(a.token.Owner, ev.AgentPlace(a.token.Agent), ev.AskJoin)
	for {
		var answer ev.JoinAnswer
		err := a.askFor(ctx, nc, "join", at, ev.JoinQuestion{Key: public}, &answer)
		switch {
		case err == nil && answer.Error == "":
			return nil
		case err == nil && !answer.Again:
			return ev.Refuse(ev.Denied, "%s", answer.Error)
		case err != nil && (ctx.Err() != nil || nc.IsClosed()):
			return fmt.Errorf("join: %w", err)
		case err == nil:
			err = errors.New(answer.Error)
		}
		slog.Warn("the agent's key is not taken yet, will ask again", "err", err)
		client.Sleep(ctx, joinAgain/2+rand.N(joinAgain))
	}
}
