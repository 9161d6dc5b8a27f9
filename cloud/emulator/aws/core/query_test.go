package core

import (
	"reflect"
	"testing"
)

func TestParseQuery(t *testing.T) {
	for _, row := range []struct {
		name, form string
		want       Doc
		refused    bool
	}{
		{"nothing", "", Doc{}, false},
		{"plain", "Action=A&Version=1", Doc{"Action": "A", "Version": "1"}, false},
		{"a list", "VpcId.1=a&VpcId.2=b", Doc{"VpcId": []any{"a", "b"}}, false},
		{"a list in the order of its numbers", "VpcId.10=b&VpcId.2=a", Doc{"VpcId": []any{"a", "b"}}, false},
		{"lists in lists", "Filter.1.Name=n&Filter.1.Value.1=v", Doc{"Filter": []any{Doc{"Name": "n", "Value": []any{"v"}}}}, false},
		{"members", "Tags.member.1.Key=k&Tags.member.1.Value=v", Doc{"Tags": []any{Doc{"Key": "k", "Value": "v"}}}, false},
		{"a structure", "EnableDnsSupport.Value=true", Doc{"EnableDnsSupport": Doc{"Value": "true"}}, false},
		{"a value and parts", "A=1&A.B=2", nil, true},
		{"too deep", "a.a.a.a.a.a.a.a.a=1", nil, true},
		{"an empty part", "a..b=1", nil, true},
		{"no form", "%zz", nil, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, err := ParseQuery(row.form)
			if (err != nil) != row.refused || !row.refused && !reflect.DeepEqual(got, row.want) {
				t.Errorf("%v, want %v: %v", got, row.want, err)
			}
		})
	}
}
