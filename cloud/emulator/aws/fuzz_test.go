package aws

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aeriehq/aerie/cloud/emulator/aws/core"
)

// FuzzQuery feeds the parser of the Query protocols, and who reads what it read.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"Action=CreateVpc&CidrBlock=10.0.0.0/16", "Filter.1.Name=vpc-id&Filter.1.Value.1=v", "Tags.member.1.Key=k", "a.=1", "IpPermissions.1.IpRanges.1.=x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		in, err := core.ParseQuery(form)
		if err != nil {
			return
		}
		subject(in)
		_, _, _ = core.Page([]any{1, 2, 3}, in, "MaxResults", "NextToken", "X")
	})
}

// FuzzXML writes any text as an answer, and expects to read it back.
func FuzzXML(f *testing.F) {
	f.Add("plain")
	f.Add("<&>\"'\x00\xff")
	f.Fuzz(func(t *testing.T, s string) {
		d := xml.NewDecoder(strings.NewReader(queryAnswer("ec2", "X", "id", doc{"v": s, "l": []any{s, doc{"k": s}}})))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				return
			} else if err != nil {
				t.Fatal(err)
			}
		}
	})
}

// FuzzRoute feeds the router of EKS with any path and body.
func FuzzRoute(f *testing.F) {
	f.Add("POST", "/clusters", `{"name":"c"}`)
	f.Add("GET", "/clusters/c/access-entries/arn%3Aaws", "")
	f.Add("POST", "/tags/a", "null")
	f.Fuzz(func(t *testing.T, method, path, body string) {
		u, err := url.ParseRequestURI(path)
		if err != nil {
			return
		}
		q := &wire{http: &http.Request{Method: method, URL: u}, service: "eks", body: []byte(body), in: doc{}}
		if q.route() == nil && (q.run == nil || q.in == nil) {
			t.Fatal("a route without an operation or parameters")
		}
	})
}

// FuzzSignature feeds the reader of Authorization headers.
func FuzzSignature(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=A/20260101/eu-west-1/eks/aws4_request, SignedHeaders=host;x-amz-date, Signature=s", "20260101T000000Z")
	f.Add("AWS4-HMAC-SHA256 Credential=////", "")
	f.Fuzz(func(t *testing.T, header, date string) {
		r := &http.Request{Method: "GET", Host: "h", URL: &url.URL{Path: "/"}, Header: http.Header{"Authorization": {header}, "X-Amz-Date": {date}}}
		s, err := readSignature(r)
		if err == nil && s.signs(r, nil, "secret") && !strings.Contains(header, "Signature=") {
			t.Fatal("signed without a signature")
		}
	})
}
