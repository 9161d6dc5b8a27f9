package sim

import (
	"fmt"
	"strings"
	"time"

	"github.com/aeriehq/aerie/cloud"
)

// makeOne makes a resource if that is permitted. To ask takes a while, in which others may call: the cloud is let go of
// meanwhile, and this call is then one that came after theirs.
func (c *call) makeOne(r resource, takes time.Duration) (*resource, error) {
	ended, err := c.ask(fmt.Sprintf("%s %s", r.Kind, strings.Trim(r.parent()+"/"+r.Name, "/")))
	if err != nil {
		return nil, err
	}
	made, err := c.createOrRepeat(r, takes)
	if err != nil {
		ended("", err)
		return nil, err
	}
	ended(made.ID, nil)
	return made, nil
}

// createOrRepeat finds what is there under a name that the cloud keeps unique: a create that is repeated makes no second.
func (c *call) createOrRepeat(r resource, takes time.Duration) (*resource, error) {
	if r.Kind != cloud.KindNetwork {
		if old, err := c.mine(r.Kind, r.parent(), r.Name, r.Owner); err != nil || old != nil {
			return old, err
		}
	}
	return c.create(r, takes)
}

func (c *call) ask(what string) (ended func(string, error), err error) {
	s := c.sim
	s.current = nil
	s.mu.Unlock()
	ended, err = cloud.MayCreate(c.ctx, what)
	s.mu.Lock()
	s.current = c
	if !c.written {
		c.n = s.state.calls + 1
	}
	if err == nil && s.closed {
		err = &cloud.Error{Class: cloud.Retryable, Op: c.head.Op, Code: "Closed", Message: "the cloud was closed"}
		ended("", err)
	}
	return ended, err
}
