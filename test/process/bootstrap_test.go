package process

import (
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/internal/client"
)

// TestBootstrap reads the template as CloudFormation would: it grants what is needed, and nothing else.
func TestBootstrap(t *testing.T) {
	s := finish(aerie(t.Context(), "account", "bootstrap", "acme/prod", "--cloud", "aws", "--principal", "arn:aws:iam::111122223333:role/aerie", "--external-id", "xid-1"))
	if s.code != 0 || !strings.Contains(s.out, "#   owner: acme\n") || !strings.Contains(s.out, `role: aerie, externalId: "xid-1"`) {
		t.Fatalf("%+v", s)
	}
	ours := finish(aerie(t.Context(), "account", "bootstrap", "-/main", "--principal", "arn:aws:iam::111122223333:role/aerie"))
	if !strings.Contains(s.out, "hosting: customer,") || !strings.Contains(ours.out, "hosting: provider,") {
		t.Errorf("whose account it is: %s%s", s.out[:500], ours.out[:500])
	}
	var template struct {
		Resources map[string]struct {
			Type       string
			Properties struct {
				RoleName                 string
				AssumeRolePolicyDocument struct {
					Statement []struct {
						Principal map[string]string
						Condition map[string]map[string]string
					}
				}
				Policies []struct {
					PolicyDocument struct {
						Statement []struct {
							Action    []string
							Resource  any
							Condition map[string]map[string]any
						}
					}
				}
			}
		}
	}
	if err := yaml.Unmarshal([]byte(s.out), &template); err != nil {
		t.Fatal(err)
	}
	role := template.Resources["Role"].Properties
	trust := role.AssumeRolePolicyDocument.Statement[0]
	if role.RoleName != "aerie" || trust.Principal["AWS"] != "arn:aws:iam::111122223333:role/aerie" || trust.Condition["StringEquals"]["sts:ExternalId"] != "xid-1" {
		t.Errorf("%+v", role)
	}
	var granted, wanted []string
	for _, st := range role.Policies[0].PolicyDocument.Statement {
		granted = append(granted, st.Action...)
		for _, a := range st.Action {
			if strings.HasPrefix(a, "iam:") && strings.Contains(a, "Role") && !strings.Contains(a, "List") && st.Resource == "*" {
				t.Errorf("%s is granted on every role", a)
			}
			if (a == "iam:PassRole" || a == "iam:AttachRolePolicy") && st.Condition == nil {
				t.Errorf("%s is granted without a condition", a)
			}
		}
	}
	for _, a := range aws.Actions() {
		wanted = append(wanted, a.Name)
	}
	slices.Sort(granted)
	slices.Sort(wanted)
	if !slices.Equal(granted, wanted) {
		t.Errorf("granted %v\nwanted %v", granted, wanted)
	}
	if bad := finish(aerie(t.Context(), "account", "bootstrap", "acme/prod", "--principal", "me")); bad.code != client.ExitInvalid || !strings.Contains(bad.err, "--principal") {
		t.Errorf("%+v", bad)
	}
}
