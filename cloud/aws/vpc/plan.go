package vpc

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
)

// The bounds of AWS: a VPC has a range of at least 16 bits, a subnet one of at most 28; a cluster needs two zones.
const (
	leastBits  = 16
	mostBits   = 28
	leastZones = 2
	usualZones = 3
)

// subnetRange is where the subnets of a zone are: the range is cut into equal blocks, one for the machines of each zone,
// and the last of them likewise into small ones for what faces the internet.
type subnetRange struct {
	zone            string
	public, private string
}

// plan divides a range among zones. The same range and zones always come to the same.
func plan(cidr string, zones []string) ([]subnetRange, error) {
	whole, err := netip.ParsePrefix(cidr)
	if err != nil || !whole.Addr().Is4() {
		return nil, fmt.Errorf("%s is no range of IPv4", cidr)
	}
	step := bits.Len(uint(len(zones))) // enough for one block more than zones
	large, small := whole.Bits()+step, whole.Bits()+2*step
	if whole.Bits() < leastBits || small > mostBits {
		return nil, fmt.Errorf("range %s cannot be divided among %d zones: of %d to %d bits", cidr, len(zones), leastBits, mostBits-2*step)
	}
	last := block(whole.Addr(), large, 1<<step-1)
	var all []subnetRange
	for i, z := range zones {
		all = append(all, subnetRange{zone: z, private: block(whole.Addr(), large, i).String(), public: block(last.Addr(), small, i).String()})
	}
	return all, nil
}

// block is the nth of the blocks of so many bits from an address on.
func block(from netip.Addr, size, nth int) netip.Prefix {
	a := from.As4()
	binary.BigEndian.PutUint32(a[:], binary.BigEndian.Uint32(a[:])+uint32(nth)<<(32-size))
	return netip.PrefixFrom(netip.AddrFrom4(a), size)
}
