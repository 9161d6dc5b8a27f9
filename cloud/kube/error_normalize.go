package kube

import "regexp"

// differs are the parts of a message about a missing answer that are others each time though the same has happened, and
// what is said in their place.
var differs = []struct {
	part *regexp.Regexp
	stay string
}{
	{regexp.MustCompile(`\b(tcp|udp)[46]? \S+: `), "$1: "},                   // read tcp 10.0.0.7:41234->10.0.0.1:443: …
	{regexp.MustCompile(`\blookup (\S+) on \S+: `), "lookup $1: "},           // on 10.0.0.2:53, one of several
	{regexp.MustCompile(`\b(stream ID|LastStreamID)[ =]\d+[;,] ?`), ""},      // of HTTP/2
	{regexp.MustCompile(`\bcurrent time \S+ is (before|after)`), "it is $1"}, // of certificates
}

// normalize is a message without them: the same failure again has to read the same, so that it is known to be no news.
func normalize(message string) string {
	for _, d := range differs {
		message = d.part.ReplaceAllString(message, d.stay)
	}
	return message
}
