package cli

import (
	"crypto/rand"
	"fmt"
	"io"
	"regexp"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/aeriehq/aerie/cloud/aws"
	"github.com/aeriehq/aerie/events"
	"github.com/aeriehq/aerie/internal/cli/print"
)

// bootstrap is `aerie account bootstrap`: what an account's owner runs to let aerie in.
type bootstrap struct {
	cloud, principal, role, externalID string
}

// The forms of what goes into the template.
var (
	principalARN = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[\w+=,.@/-]+$`)
	roleName     = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	externalID   = regexp.MustCompile(`^[\w+=,.@:/-]{2,200}$`)
)

func newBootstrapCommand() *cobra.Command {
	b := bootstrap{}
	cmd := &cobra.Command{
		Use:   "bootstrap ID",
		Short: "Print what the account's owner runs to let aerie in: a role with the rights that are needed",
		Long: "Print a template for the cloud's own tool that makes a role in the customer's account: aerie may assume it, if\n" +
			"it knows the external id, and has the rights that it needs and no others. The head of the template says how to\n" +
			"run it, and the account's manifest. Without --external-id a new one is made: keep it. No server is asked.",
		Example: "  aerie account bootstrap acme/prod --cloud aws --principal arn:aws:iam::111122223333:role/aerie > role.yaml",
		RunE: func(cmd *cobra.Command, args []string) error {
			ref, err := onlyID(cmd, events.Account, words(cmd, args))
			if err != nil {
				return err
			}
			if b.externalID == "" {
				b.externalID = rand.Text()
			}
			if err := b.check(); err != nil {
				return err
			}
			return b.print(cmd.OutOrStdout(), ref)
		},
	}
	f := cmd.Flags()
	f.StringVar(&b.cloud, "cloud", "aws", "the account's cloud")
	f.StringVar(&b.principal, "principal", "", "the ARN as which aerie's server acts in AWS")
	f.StringVar(&b.role, "role", "aerie", "the role's name")
	f.StringVar(&b.externalID, "external-id", "", "what aerie must know besides (default: a new one)")
	platformIDs(cmd)
	return cmd
}

func (b bootstrap) check() error {
	var faults []events.FieldError
	for _, f := range []struct {
		bad         bool
		field, want string
	}{
		{b.cloud != "aws", "--cloud", "want aws: the simulated cloud lets everybody in"},
		{!principalARN.MatchString(b.principal), "--principal", "want an ARN such as arn:aws:iam::111122223333:role/aerie; aws sts get-caller-identity says it where the server runs"},
		{!roleName.MatchString(b.role), "--role", "want 1 to 64 letters, digits and +=,.@_-"},
		{!externalID.MatchString(b.externalID), "--external-id", "want 2 to 200 letters, digits and +=,.@:/_-"},
	} {
		if f.bad {
			faults = append(faults, events.FieldError{Field: f.field, Message: f.want})
		}
	}
	return events.RefuseFaults("arguments", faults)
}

func (b bootstrap) print(w io.Writer, ref events.Ref) error {
	template, err := yaml.Marshal(aws.Template(b.role, b.principal, b.externalID))
	if err != nil {
		return err
	}
	hosting := "customer"
	if ref.Owner == events.Platform {
		hosting = "provider"
	}
	head := fmt.Sprintf("# Run it in the account that aerie is to work in:\n"+
		"#   aws cloudformation deploy --stack-name aerie --template-file role.yaml --capabilities CAPABILITY_NAMED_IAM\n"+
		"# and apply to aerie:\n"+
		"#   kind: account\n#   name: %s\n#   owner: %s\n#   spec: {cloud: aws, number: \"<the account's number>\", hosting: %s, role: %s, externalId: %q}\n", ref.ID, ref.Owner, hosting, b.role, b.externalID)
	return print.Write(w, append([]byte(head), template...))
}
