package core

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aeriehq/aerie/cloud/emulator/aws/policy"
	"github.com/aeriehq/aerie/cloud/script"
)

// AccountsFile is where the accounts are written, in the emulator's directory. It is read again whenever it has changed.
const AccountsFile = "accounts.json"

// Account is one account of the emulated cloud, with who may come into it.
type Account struct {
	ID      string          `json:"id"`
	Users   []User          `json:"users,omitempty"`
	Roles   []Role          `json:"roles,omitempty"`
	Managed []ManagedPolicy `json:"managed,omitempty"`
	Keys    []Key           `json:"keys,omitempty"`
	Quotas  map[string]int  `json:"quotas,omitempty"` // in each region, instead of AWS' own; such as vpcs, addresses, nodes
}

// User is a principal with a key of its own.
type User struct {
	Name            string `json:"name"`
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	Rights
}

// Role is whom others may be in an account.
type Role struct {
	Name       string   `json:"name"`
	Trusts     []string `json:"trusts"`                // the ARNs of principals, or of an account's root for all in it
	ExternalID string   `json:"external_id,omitempty"` // what they must know; empty: nothing
	Rights
}

// Rights are what a user or role may do.
type Rights struct {
	Policies []json.RawMessage `json:"policies,omitempty"` // identity policies; none: everything
	Denied   []string          `json:"denied,omitempty"`   // actions such as eks:CreateCluster or ec2:*, whatever the policies say
	rights   []policy.Policy   // what is in Policies, read
}

// Accounts are all accounts, as they were written last. The server reads them under the lock of the world.
type Accounts struct {
	byID map[string]Account
}

// DefaultAccounts are a platform account with a key and the account of a customer who trusts it.
func DefaultAccounts() []Account {
	const platform, customer = "111122223333", "444455556666"
	key := User{Name: "aerie", AccessKeyID: "AKIA" + strings.ToUpper(RandomHex(16)), SecretAccessKey: RandomHex(40)}
	return []Account{
		{ID: platform, Users: []User{key}},
		{ID: customer, Roles: []Role{{
			Name: "aerie", Trusts: []string{"arn:aws:iam::" + platform + ":user/aerie"}, ExternalID: RandomHex(24),
		}}},
	}
}

// WriteAccounts writes the accounts of the emulator in a directory.
func WriteAccounts(dir string, all []Account) error {
	data, err := json.MarshalIndent(Doc{"accounts": all}, "", "  ")
	if err != nil {
		return err
	}
	file := filepath.Join(dir, AccountsFile)
	if err := os.WriteFile(file+".new", append(data, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(file+".new", file)
}

// ReadAccounts reads the accounts of the emulator in a directory.
func ReadAccounts(dir string) ([]Account, error) {
	data, err := os.ReadFile(filepath.Join(dir, AccountsFile))
	if err != nil {
		return nil, err
	}
	return parseAccounts(data)
}

func parseAccounts(data []byte) ([]Account, error) {
	var written struct {
		Accounts []Account `json:"accounts"`
	}
	if err := script.Strict(data, &written); err != nil {
		return nil, err
	}
	for _, a := range written.Accounts {
		if len(a.ID) != 12 || strings.Trim(a.ID, "0123456789") != "" {
			return nil, fmt.Errorf("account %q: an id has twelve digits", a.ID)
		}
		if err := a.readRights(); err != nil {
			return nil, fmt.Errorf("account %s: %w", a.ID, err)
		}
	}
	return written.Accounts, nil
}

// readRights reads the policies of all that are in an account.
func (a Account) readRights() (err error) {
	for i := range a.Users {
		if a.Users[i].rights, err = readPolicies(a.Users[i].Policies); err != nil {
			return fmt.Errorf("user %s: %w", a.Users[i].Name, err)
		}
	}
	for i := range a.Roles {
		if a.Roles[i].rights, err = readPolicies(a.Roles[i].Policies); err != nil {
			return fmt.Errorf("role %s: %w", a.Roles[i].Name, err)
		}
	}
	for _, p := range a.Managed {
		if _, err = policy.Parse(p.Document); err != nil {
			return fmt.Errorf("policy %s: %w", p.Name, err)
		}
	}
	return nil
}

// EnsureAccounts writes the default accounts where there are none.
func EnsureAccounts(dir string) error {
	_, err := ReadAccounts(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return WriteAccounts(dir, DefaultAccounts())
	}
	return err
}

// Read takes the accounts from their file. After an error the old ones hold.
func (a *Accounts) Read(data []byte) error {
	all, err := parseAccounts(data)
	if err != nil {
		return err
	}
	a.byID = map[string]Account{}
	for _, one := range all {
		a.byID[one.ID] = one
	}
	return nil
}

// User is who has a key.
func (a *Accounts) User(key string) (account string, u User, ok bool) {
	for _, account := range a.byID {
		for _, u := range account.Users {
			if u.AccessKeyID == key {
				return account.ID, u, true
			}
		}
	}
	return "", User{}, false
}

// Role is a role that the accounts have by configuration.
func (a *Accounts) Role(account, name string) (Role, bool) {
	for _, r := range a.byID[account].Roles {
		if r.Name == name {
			return r, true
		}
	}
	return Role{}, false
}

// Keys are an account's keys of KMS.
func (a *Accounts) Keys(account string) []Key { return a.byID[account].Keys }

// quotas are AWS' own, in each account and region.
var quotas = map[string]int{
	"vpcs": 5, "subnets-per-vpc": 200, "internet-gateways": 5, "addresses": 5, "nat-gateways-per-zone": 5,
	"route-tables-per-vpc": 200, "security-groups-per-vpc": 500, "clusters": 100, "nodegroups-per-cluster": 30,
	"roles": 1000, "oidc-providers": 100, "nodes": 1000,
}

// Quota is how many there may be of something in an account: its own number, or else that of AWS.
func (a *Accounts) Quota(account, what string) int {
	if n, ok := a.byID[account].Quotas[what]; ok {
		return n
	}
	return quotas[what]
}
