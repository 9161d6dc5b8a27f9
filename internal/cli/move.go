package cli

import (
	"fmt"
	"strings"
	"time"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// moveText says for people what a move would do.
func moveText(p events.MovePlan) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString("  " + client.Plain(fmt.Sprintf(format, args...)) + "\n")
	}
	line("a move of kind %s, from %s to %s", p.Kind, stayText(p.From), stayText(p.To))
	for _, s := range p.Steps {
		done := ""
		if len(s.Events) > 0 {
			done = " (" + strings.Join(s.Events, ", ") + ")"
		}
		line("%-8s %s%s", s.Name, s.Does, done)
	}
	for _, c := range p.Changed {
		line("changed: %s", c)
	}
	for _, m := range p.Made {
		line("made: %s", m)
	}
	for _, r := range p.Removed {
		line("removed: %s", r)
	}
	line("interrupted: %s%s", p.Interrupted, atMost(p.InterruptedMS))
	if u := p.Use; u != nil {
		line("it uses: cpu %dm, memory %dMi, storage %dMi, pods %d", u.CPU, u.Memory>>20, u.Storage>>20, u.Pods)
	}
	line("price: %s %s a month now, %s %s then", p.PriceNow.Monthly, p.PriceNow.Currency, p.PriceThen.Monthly, p.PriceThen.Currency)
	line("to do just this: --plan-id %s", p.PlanID)
	return b.String()
}

func stayText(p events.Placement) string {
	text := fmt.Sprintf("%s@%d on tenantinfra %s", p.Plan, p.PlanVersion, p.TenantInfra)
	switch {
	case p.Dataplane == "":
		text = fmt.Sprintf("%s@%d on a dataplane that is made for it", p.Plan, p.PlanVersion)
	case p.TenantInfra == "":
		text = fmt.Sprintf("%s@%d on machines that are made for it", p.Plan, p.PlanVersion)
	}
	if p.Cell != "" {
		text += ", cell " + p.Cell
	}
	return text
}

func atMost(ms int64) string {
	if ms == 0 {
		return ""
	}
	return ", for at most " + (time.Duration(ms) * time.Millisecond).String()
}
