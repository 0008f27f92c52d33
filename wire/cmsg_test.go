package wire_test

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// cmsg is the header of the control message at the start of b.
func cmsg(b []byte) *unix.Cmsghdr { return (*unix.Cmsghdr)(unsafe.Pointer(&b[0])) }
