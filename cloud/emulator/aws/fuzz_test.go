package aws

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
)

func TestParseQuery(t *testing.T) {
	for _, row := range []struct {
		name, form string
		want       doc
		refused    bool
	}{
		{"nothing", "", doc{}, false},
		{"plain", "Action=A&Version=1", doc{"Action": "A", "Version": "1"}, false},
		{"a list", "VpcId.1=a&VpcId.2=b", doc{"VpcId": []any{"a", "b"}}, false},
		{"a list in the order of its numbers", "VpcId.10=b&VpcId.2=a", doc{"VpcId": []any{"a", "b"}}, false},
		{"lists in lists", "Filter.1.Name=n&Filter.1.Value.1=v", doc{"Filter": []any{doc{"Name": "n", "Value": []any{"v"}}}}, false},
		{"members", "Tags.member.1.Key=k&Tags.member.1.Value=v", doc{"Tags": []any{doc{"Key": "k", "Value": "v"}}}, false},
		{"a structure", "EnableDnsSupport.Value=true", doc{"EnableDnsSupport": doc{"Value": "true"}}, false},
		{"a value and parts", "A=1&A.B=2", nil, true},
		{"too deep", "a.a.a.a.a.a.a.a.a=1", nil, true},
		{"an empty part", "a..b=1", nil, true},
		{"no form", "%zz", nil, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := parseQuery(row.form)
			if (err != nil) != row.refused || !row.refused && !reflect.DeepEqual(got, row.want) {
				t.Errorf("%v, want %v: %v", got, row.want, err)
			}
		})
	}
}

// FuzzQuery feeds the parser of the Query protocols, and writes what it read as an answer.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"Action=CreateVpc&CidrBlock=10.0.0.0/16", "Filter.1.Name=vpc-id&Filter.1.Value.1=v", "Tags.member.1.Key=k", "a.=1", "IpPermissions.1.IpRanges.1.=x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, form string) {
		in, err := parseQuery(form)
		if err != nil {
			return
		}
		subject(in)
		q := &request{wire: &wire{in: in}}
		_, _ = q.filters(&vpcKind)
		_ = q.tagsFor("vpc")
		_, _, _ = cut([]any{1, 2, 3}, in, "MaxResults", "NextToken", "X")
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
		q := &wire{http: &http.Request{Method: method, URL: u}, body: []byte(body), in: doc{}}
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

// FuzzPolicy feeds the reader of trust policies.
func FuzzPolicy(f *testing.F) {
	f.Add(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"a"},"Condition":{"StringEquals":{"sts:ExternalId":"x"}}}]}`)
	f.Add(`{"Statement":{"Effect":"Allow","Principal":"*"}}`)
	f.Fuzz(func(t *testing.T, policy string) {
		for _, s := range statements(policy) {
			s.lets([]string{"a"}, "x")
		}
		if letsService(policy, "eks.amazonaws.com") && !json.Valid([]byte(policy)) {
			t.Fatal("no JSON, and it allows something")
		}
	})
}
