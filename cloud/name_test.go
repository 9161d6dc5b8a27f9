package cloud_test

import (
	"errors"
	"regexp"
	"testing"

	"github.com/aeriehq/aerie/cloud"
	"pgregory.net/rapid"
)

var shape = regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])$`)

func TestNames(t *testing.T) {
	identity := rapid.Custom(func(t *rapid.T) cloud.Identity {
		part := rapid.StringN(0, 4, -1)
		return cloud.Identity{Owner: part.Draw(t, "owner"), Kind: part.Draw(t, "kind"), ID: part.Draw(t, "id"), UID: part.Draw(t, "uid")}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := identity.Draw(t, "a"), identity.Draw(t, "b")
		bound := rapid.SampledFrom([]int{cloud.MaxAKSPool, 16, 17, cloud.MaxGKECluster, cloud.MaxLabel, cloud.MaxIAMRole}).Draw(t, "max")
		readable := rapid.SliceOfN(rapid.String(), 0, 3)
		x, y := cloud.Name(a, bound, readable.Draw(t, "x")...), cloud.Name(b, bound, readable.Draw(t, "y")...)
		if a != b && x == y {
			t.Fatalf("%v and %v are both %s", a, b, x)
		}
		if len(x) > bound || !shape.MatchString(x) {
			t.Fatalf("%q in %d", x, bound)
		}
	})
}

func TestNameReads(t *testing.T) {
	id := cloud.Identity{Owner: "-", Kind: "dataplane", ID: "eu", UID: "01H"}
	for _, c := range []struct {
		max  int
		want string
	}{{40, `^aerie-eu-central-[a-z2-7]{13}$`}, {20, `^aerie-[a-z2-7]{13}$`}, {12, `^ae[a-z2-7]{10}$`}} {
		if got := cloud.Name(id, c.max, "Aerie", "eu_central"); !regexp.MustCompile(c.want).MatchString(got) {
			t.Errorf("%d: %s, want %s", c.max, got, c.want)
		}
	}
}

func TestClassOf(t *testing.T) {
	quota := &cloud.Error{Class: cloud.Quota, Op: "EnsurePool", Code: "X", Message: "too many"}
	for err, want := range map[error]cloud.Class{
		nil: "", errors.New("?"): cloud.Retryable, quota: cloud.Quota, errors.Join(errors.New("a"), quota): cloud.Quota,
	} {
		if got := cloud.ClassOf(err); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
	if quota.Error() != "EnsurePool: quota (X): too many" {
		t.Error(quota)
	}
}
