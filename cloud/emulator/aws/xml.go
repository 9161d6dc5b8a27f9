package aws

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// writeXML writes a document as elements. Entries of a list have the given name: item in EC2, member in the others.
func writeXML(b *strings.Builder, entry, name string, v any) {
	fmt.Fprintf(b, "<%s>", name)
	switch x := v.(type) {
	case doc:
		for _, k := range core.SortedKeys(x) {
			writeXML(b, entry, k, x[k])
		}
	case []any:
		for _, e := range x {
			writeXML(b, entry, entry, e)
		}
	case float64:
		b.WriteString(strconv.FormatFloat(x, 'f', -1, 64))
	case nil:
	default:
		_ = xml.EscapeText(b, fmt.Append(nil, x)) // a Builder takes everything
	}
	fmt.Fprintf(b, "</%s>", name)
}

const ec2Space = "http://ec2.amazonaws.com/doc/2016-11-15/"

var querySpace = map[string]string{
	"iam":                  "https://iam.amazonaws.com/doc/2010-05-08/",
	"elasticloadbalancing": "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
	"sts":                  "https://sts.amazonaws.com/doc/2011-06-15/",
}

// queryAnswer is the answer of a Query protocol's operation.
func queryAnswer(service, op, id string, out doc) string {
	var b strings.Builder
	b.WriteString(xml.Header)
	if service == "ec2" {
		fmt.Fprintf(&b, `<%sResponse xmlns="%s"><requestId>%s</requestId>`, op, ec2Space, id)
		for _, k := range core.SortedKeys(out) {
			writeXML(&b, "item", k, out[k])
		}
	} else {
		fmt.Fprintf(&b, `<%sResponse xmlns="%s">`, op, querySpace[service])
		if out != nil {
			writeXML(&b, "member", op+"Result", out)
		}
		writeXML(&b, "member", "ResponseMetadata", doc{"RequestId": id})
	}
	fmt.Fprintf(&b, "</%sResponse>", op)
	return b.String()
}

// queryRefusal is a failure in a Query protocol.
func queryRefusal(service, id string, f *core.Failure) string {
	var b strings.Builder
	b.WriteString(xml.Header)
	if service == "ec2" {
		writeXML(&b, "Error", "Response", doc{"Errors": []any{doc{"Code": f.Code, "Message": f.Message}}, "RequestID": id})
		return b.String()
	}
	fault := "Sender"
	if f.Status >= 500 {
		fault = "Receiver"
	}
	writeXML(&b, "", "ErrorResponse", doc{"Error": doc{"Type": fault, "Code": f.Code, "Message": f.Message}, "RequestId": id})
	return b.String()
}
