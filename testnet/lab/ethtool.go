package lab

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"

	"hyperplane/tun"
)

// cutFeatures are what a port must not do for the kernel to cut superpackets
// at it: TCP, UDP, and either inside of a tunnel.
var cutFeatures = []string{
	"tx-tcp-segmentation", "tx-tcp-ecn-segmentation", "tx-tcp6-segmentation", "tx-tcp-mangleid-segmentation",
	"tx-udp-segmentation", "tx-udp_tnl-segmentation", "tx-udp_tnl-csum-segmentation",
}

const (
	ethSSFeatures    = 4  // ETH_SS_FEATURES, the set of feature names
	featureNameBytes = 32 // ETH_GSTRING_LEN
)

// features switches features of a link, by the names that ethtool -k shows in
// its longer form. Names this kernel does not have are passed over.
func (n *Namespace) features(link string, names []string, on bool) error {
	if len(link) > LinkNameMax {
		return fmt.Errorf("link name %q is longer than %d bytes", link, LinkNameMax)
	}
	return tun.InNetNS(n.Name, func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		known, err := featureNames(fd, link)
		if err != nil {
			return fmt.Errorf("%s: %s: features: %w", n.Name, link, err)
		}
		if err := ethtool(fd, link, featureRequest(known, names, on)); err != nil {
			return fmt.Errorf("%s: %s: features %v: %w", n.Name, link, names, err)
		}
		return nil
	})
}

// featureRequest is a struct ethtool_sfeatures: per 32 features a word that
// says which are meant and one that says how they are to be.
func featureRequest(known, names []string, on bool) []byte {
	words := (len(known) + 31) / 32
	b := make([]byte, 8+8*words)
	ne := binary.NativeEndian
	ne.PutUint32(b[0:], unix.ETHTOOL_SFEATURES)
	ne.PutUint32(b[4:], uint32(words))
	for i, name := range known {
		if !slices.Contains(names, name) {
			continue
		}
		valid, requested := b[8+8*(i/32):], b[12+8*(i/32):]
		ne.PutUint32(valid, ne.Uint32(valid)|1<<(i%32))
		if on {
			ne.PutUint32(requested, ne.Uint32(requested)|1<<(i%32))
		}
	}
	return b
}

// featureNames asks for the kernel's list; a feature's number is its place.
func featureNames(fd int, link string) ([]string, error) {
	// struct ethtool_sset_info: cmd, reserved, mask (64 bits), one count.
	info := make([]byte, 20)
	ne := binary.NativeEndian
	ne.PutUint32(info[0:], unix.ETHTOOL_GSSET_INFO)
	ne.PutUint64(info[8:], 1<<ethSSFeatures)
	if err := ethtool(fd, link, info); err != nil {
		return nil, err
	}
	count := int(ne.Uint32(info[16:]))
	// struct ethtool_gstrings: cmd, set, count, then the strings.
	b := make([]byte, 12+count*featureNameBytes)
	ne.PutUint32(b[0:], unix.ETHTOOL_GSTRINGS)
	ne.PutUint32(b[4:], ethSSFeatures)
	ne.PutUint32(b[8:], uint32(count))
	if err := ethtool(fd, link, b); err != nil {
		return nil, err
	}
	names := make([]string, count)
	for i := range names {
		s := b[12+i*featureNameBytes:][:featureNameBytes]
		names[i] = string(s[:max(bytes.IndexByte(s, 0), 0)])
	}
	return names, nil
}

// ethtool makes one SIOCETHTOOL call with a request that the kernel may fill.
func ethtool(fd int, link string, request []byte) error {
	var ifr struct {
		name [unix.IFNAMSIZ]byte
		data unsafe.Pointer
		_    [16]byte // the kernel's union is larger than a pointer
	}
	copy(ifr.name[:], link)
	ifr.data = unsafe.Pointer(&request[0])
	_, _, e := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&ifr)))
	runtime.KeepAlive(request)
	if e != 0 {
		return e
	}
	return nil
}
