package core

import (
	"encoding/json"
	"testing"
)

// FuzzPolicy feeds the reader of trust policies.
func FuzzPolicy(f *testing.F) {
	f.Add(`{"Statement":[{"Effect":"Allow","Principal":{"AWS":"a"},"Condition":{"StringEquals":{"sts:ExternalId":"x"}}}]}`)
	f.Add(`{"Statement":{"Effect":"Allow","Principal":"*"}}`)
	f.Fuzz(func(t *testing.T, policy string) {
		for _, s := range Statements(policy) {
			s.Allows([]string{"a"}, "x")
		}
		if LetsService(policy, "eks.amazonaws.com") && !json.Valid([]byte(policy)) {
			t.Fatal("no JSON, and it allows something")
		}
	})
}
