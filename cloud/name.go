package cloud

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"strings"
)

// Identity is whom a resource is made for. The uid tells two lives of one id apart.
type Identity struct {
	Owner, Kind, ID, UID string
}

// Bounds of names in the clouds.
const (
	MaxAKSPool    = 12
	MaxGKECluster = 40
	MaxLabel      = 63
	MaxIAMRole    = 64

	minName    = 12 // below, too little room is left for the hash
	compactMax = 16 // up to here there is no room, and on AKS no leave, for a '-'
	hashLong   = 13 // 65 bits
	hashShort  = 10 // 50 bits: such short names need be unique within one cluster only
)

// Name flattens an identity into a name of at most max lower-case letters, digits and '-' that begins with a letter and
// ends with a letter or digit: what is readable of the parts, then a hash of the identity. Up to 16 characters it has no
// '-'. The same identity always has the same name; two identities never share one, whatever the readable parts. A max
// below 12 is a mistake in the program: it panics.
func Name(of Identity, max int, readable ...string) string {
	if max < minName {
		panic(fmt.Sprintf("cloud: no name can be made of %d characters", max))
	}
	prefix := readablePart(strings.Join(readable, "-"))
	if max <= compactMax {
		prefix = strings.ReplaceAll(prefix, "-", "")
		return cut(prefix, max-hashShort) + identityHash(of)[:hashShort]
	}
	return strings.TrimRight(cut(prefix, max-hashLong-1), "-") + "-" + identityHash(of)[:hashLong]
}

// readablePart keeps letters and digits in lower case and makes single '-' of all else; it begins with a letter.
func readablePart(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' && b.Len() > 0:
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	if b.Len() == 0 {
		return "x"
	}
	return b.String()
}

func cut(s string, n int) string { return s[:min(n, len(s))] }

// identityHash writes each part with its length: ("ab", "c") and ("a", "bc") differ.
func identityHash(of Identity) string {
	h := sha256.New()
	for _, part := range []string{of.Owner, of.Kind, of.ID, of.UID} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return strings.ToLower(base32.StdEncoding.EncodeToString(h.Sum(nil)))
}
