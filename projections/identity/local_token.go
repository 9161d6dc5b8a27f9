package identity

import (
	"crypto/sha256"
	"fmt"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/fsm"
)

// LocalToken is what the log says of the local token. The zero one is good as the data directory has it.
type LocalToken struct {
	Disabled bool
	Rotation string // tells one rotation from another; empty: there was none
}

// Local is what the log says of the local token now, and a channel that tells when that changes.
func (r *Registry) Local() (LocalToken, <-chan struct{}) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.wanted, r.news
}

// UseLocal lets in as the local admin who shows a token; empty: nobody any more. Who showed the one before is out.
func (r *Registry) UseLocal(token string) {
	hash := sha256.Sum256([]byte(token))
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.local != nil && token != "" && r.local.hash == hash {
		return
	}
	if r.local != nil {
		r.end(r.local)
		r.local = nil
	}
	if token != "" {
		r.local = &entry{caller: events.LocalAdmin(), hash: hash, gone: make(chan struct{})}
	}
}

// putLocal takes what the log says of the local admin.
func (r *Registry) putLocal(e fsm.Entity[fsm.Data]) {
	var now LocalToken
	if d, ok := e.Data.(fsm.PrincipalData); ok && d.Spec.Issuer == events.IssuerLocal && e.Phase() != fsm.Removed {
		now.Disabled = e.Phase() == fsm.Disabled
		if d.Rotations > 0 {
			now.Rotation = fmt.Sprintf("%s/%d", e.UID, d.Rotations)
		}
	}
	if now == r.wanted {
		return
	}
	r.wanted = now
	select {
	case r.news <- struct{}{}:
	default: // it is told already
	}
}
