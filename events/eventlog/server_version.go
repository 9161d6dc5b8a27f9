package eventlog

import (
	"fmt"
	"slices"
)

// release is a version of nats-server.
type release [3]int

// defect is why nats-servers from one version on, and before another, are not used.
type defect struct {
	from, mended release
	reason       string
}

// defects are the versions that would do harm, as far as is known. A row is for versions of
// one line: a fault that is mended in several lines has a row for each.
var defects = []defect{
	{release{0, 0, 0}, release{2, 12, 0}, "it has no atomic batches, in which aerie appends"},
	// nats-server 8376: found with 2.12.12 and 2.14.3; the code is the same in all of these.
	{release{2, 12, 0}, release{2, 12, 14}, "it refuses atomic batches wrongly in which several subjects of equal length are expected"},
	{release{2, 13, 0}, release{2, 14, 4}, "it refuses atomic batches wrongly in which several subjects of equal length are expected"},
}

// CheckServer refuses a nats-server whose version is known to do harm, and says why. A
// version that cannot be read is no reason to refuse it.
func CheckServer(name, version string) error {
	v, ok := readRelease(version)
	if !ok {
		return nil
	}
	for _, d := range defects {
		if slices.Compare(v[:], d.from[:]) >= 0 && slices.Compare(v[:], d.mended[:]) < 0 {
			return fmt.Errorf("the NATS server %s is nats-server %s: %s: use %d.%d.%d or a later one of that line, at best 2.15",
				name, version, d.reason, d.mended[0], d.mended[1], d.mended[2])
		}
	}
	return nil
}

// readRelease reads "2.15.2" and "2.15.3-RC.1"; what is before a release counts as it.
func readRelease(version string) (v release, ok bool) {
	n, _ := fmt.Sscanf(version, "%d.%d.%d", &v[0], &v[1], &v[2])
	return v, n == len(v)
}
