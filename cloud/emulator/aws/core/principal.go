package core

import (
	"path"
	"strings"
)

// Principal is who calls.
type Principal struct {
	Account string
	ARN     string // as which the call is made
	Base    string // the user or role behind it, as access entries and trust name it
	ID      string
	Home    string // the account of who took the role, where that is another
	Session bool
	Powers  Powers
}

// RoleOf reads a role's ARN.
func RoleOf(arn string) (account, name string, ok bool) {
	rest, isRole := strings.CutPrefix(arn, "arn:aws:iam::")
	account, name, found := strings.Cut(rest, ":role/")
	return account, path.Base(name), isRole && found && name != ""
}

// UsualSession is how long a session lasts that asks for nothing else, in seconds.
const UsualSession = 3600
