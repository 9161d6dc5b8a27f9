package events

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
)

// ShownTo is JSON about something of a customer's in the form in which that customer's people read it: without the names,
// counts and places of others, and of a place on the platform's dataplane without that one's account. JSON in which there is
// nothing to leave out, and what is no JSON, is returned as it is.
func ShownTo(customer string, data []byte) []byte {
	if !hidden.Match(data) {
		return data
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || !HideOthers(customer, v) {
		return data
	}
	shown, err := Encode(v)
	if err != nil {
		return data // it was decoded, so it can be written
	}
	return shown
}

// HideOthers leaves out of decoded JSON what ShownTo does, in place, and tells whether there was anything.
func HideOthers(customer string, v any) (changed bool) {
	switch v := v.(type) {
	case []any:
		for _, one := range v {
			changed = HideOthers(customer, one) || changed
		}
	case map[string]any:
		changed = hideSite(v)
		changed = hidePrograms(v) || changed
		for name, one := range v {
			text, is := one.(string)
			if !is {
				changed = HideOthers(customer, one) || changed
				continue
			}
			if name != "message" && name != "why" {
				continue
			}
			if shown := TextFor(customer, text); shown != text {
				v[name], changed = shown, true
			}
		}
	}
	return changed
}

// hideSite takes the account of the platform out of a place on one of its dataplanes. Cloud, region and dataplane stay.
func hideSite(of map[string]any) (changed bool) {
	site, is := of["site"].(map[string]any)
	if !is {
		return false
	}
	on, _ := site["dataplane"].(string)
	account, _ := site["account"].(map[string]any)
	if !strings.HasPrefix(on, Platform+"/") {
		return false
	}
	for name := range account {
		if name != "cloud" {
			delete(account, name)
			changed = true
		}
	}
	if _, named := of["cluster"]; named && of["cluster"] != "" {
		of["cluster"], changed = "", true
	}
	return changed
}

// shownOfTerms are the terms of a move that concern who moves. The programs of a plan, and what these may reach, are the
// platform's own.
var shownOfTerms = []string{"data", "cut", "hold", "confirm", "confirmWithin", "window"}

// hidePrograms takes the programs of a plan out of the event with which a move begins. Those of applications stay.
func hidePrograms(of map[string]any) (changed bool) {
	if terms, is := of["terms"].(map[string]any); is {
		for name := range terms {
			if !slices.Contains(shownOfTerms, name) {
				delete(terms, name)
				changed = true
			}
		}
	}
	if jobs, is := of["jobs"].([]any); is {
		shown := slices.DeleteFunc(slices.Clone(jobs), func(j any) bool {
			job, is := j.(map[string]any)
			return is && job["step"] != nil && job["app"] == nil
		})
		if len(shown) < len(jobs) {
			of["jobs"], changed = shown, true
			delete(of, "egress") // beside them it is the plan's: applications have none of their own
		}
	}
	return changed
}

// hidden finds what may have to be left out: most of what is read has nothing of it.
var hidden = regexp.MustCompile(`"site"|"terms"|"jobs"|tenants? before this one|\d fit; by rule| nodes are available: |belongs to another| is [A-Z]\w+: |, whose machines cost `)

var (
	placesThatFit = regexp.MustCompile(`; \d+ fits?; by rule`)
	tenantsBefore = regexp.MustCompile(`, with \d+ tenants? before this one`)
	nodesLookedAt = regexp.MustCompile(`\d+/\d+ nodes are available: .*`)
	lackOfRoom    = regexp.MustCompile(`Insufficient [A-Za-z0-9./_-]*[A-Za-z0-9]`)
	markOfOther   = regexp.MustCompile(`it belongs to another: "([^"/]*)[^"]*"`)
	stateOfOthers = regexp.MustCompile(`((?:dataplane|tenantinfra|cell|account|plan) -(?:/[a-z0-9_-]+)?,? (?:which )?is [A-Z]\w+): .*`)
	priceOfOurs   = regexp.MustCompile(`(tenantinfra -/\S+), whose machines cost [0-9.]+ an hour`)
	nameInAWS     = regexp.MustCompile(`arn:aws[a-z-]*:[^\s"',]+`)
)

// TextFor is a sentence about something of a customer's as that customer may read it: no names, counts or places of others, and
// nothing of what the platform pays for its own machines.
// What releases before wrote is cleaned in the same way.
func TextFor(customer, text string) string {
	text = placesThatFit.ReplaceAllString(text, "; by rule")
	text = tenantsBefore.ReplaceAllString(text, "")
	text = priceOfOurs.ReplaceAllString(text, "$1")
	text = nodesLookedAt.ReplaceAllStringFunc(text, noRoom)
	text = markOfOther.ReplaceAllStringFunc(text, func(found string) string {
		if markOfOther.FindStringSubmatch(found)[1] == customer {
			return found
		}
		return "it belongs to another"
	})
	return stateOfOthers.ReplaceAllString(text, "$1")
}

// noRoom says of what a scheduler lacks room, without the nodes that it has looked at.
func noRoom(found string) string {
	lacks := lackOfRoom.FindAllString(found, -1)
	slices.Sort(lacks)
	if lacks = slices.Compact(lacks); len(lacks) == 0 {
		return "no node takes it"
	}
	return "no node has room for it: " + strings.Join(lacks, ", ")
}

// TextOnShared is TextFor of what a cloud or a cluster has said on a dataplane of the platform's, before it is stored.
func TextOnShared(customer, text string) string {
	return nameInAWS.ReplaceAllString(TextFor(customer, text), "(a name in the platform's account)")
}
