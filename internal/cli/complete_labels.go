package cli

import (
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/client"
)

// completeLabels completes the flag --label with the labels that entities of a kind have. A selector may name several.
func completeLabels(cmd *cobra.Command, conn *client.Connection, kind func(*cobra.Command, []string) events.Kind, selector bool) {
	complete := func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		const directive = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
		k := kind(cmd, args)
		if k == "" {
			return nil, directive
		}
		before, label := "", typed
		if i := strings.LastIndexByte(typed, ','); selector && i >= 0 && !inParentheses(typed) {
			before, label = typed[:i+1], typed[i+1:]
		}
		if not, is := strings.CutPrefix(label, "!"); is && selector {
			before, label = before+"!", not
		}
		var found []string
		for _, l := range labelsLike(entitiesWithin(cmd, conn, k, ""), label) {
			found = append(found, before+l)
		}
		return found, directive
	}
	_ = cmd.RegisterFlagCompletionFunc("label", complete) // fails only for a flag that is not there
}

// inParentheses tells whether a text ends in a list of values that is still open.
func inParentheses(text string) bool {
	return strings.LastIndexByte(text, '(') > strings.LastIndexByte(text, ')')
}

// labelsLike are the keys that begin with a text, or, where it has a key and what stands behind that, what begins so with
// a value.
func labelsLike(all []client.Entity, text string) []string {
	at := strings.IndexAny(text, "=!")
	found := map[string]bool{}
	for _, e := range all {
		for key, value := range e.Labels {
			if at >= 0 {
				if key != strings.TrimSpace(text[:at]) {
					continue
				}
				end := at + strings.IndexFunc(text[at:]+"x", func(r rune) bool { return !strings.ContainsRune("=!", r) })
				key = text[:end] + value
			}
			if strings.HasPrefix(key, text) {
				found[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}
