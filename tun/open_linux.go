package tun

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
	wgtun "golang.zx2c4.com/wireguard/tun"
)

// Open makes a TUN device and returns its queues, ready for traffic: the
// device is in the namespace asked for, addressed, routed and up. It fails if
// a device of that name exists: a device is never shared with another process.
//
// How it is made, and what golang.zx2c4.com/wireguard/tun does in it. That
// package knows how to take over a TUN descriptor: it checks that the virtio
// header is on, demands the TCP offloads, probes the UDP ones and resolves the
// name. Three things it leaves to us:
//
//   - It never asks for IFF_MULTI_QUEUE, so the descriptor is opened here and
//     handed to it (CreateUnmonitoredTUNFromFD). Its other constructors start
//     two goroutines, a netlink socket and a blocked thread per device to
//     report events, which a host with many instances cannot afford; the MTU,
//     which they would set, is set by netlink with the rest.
//   - It does not ask for TSO_ECN, so packets with congestion marks would
//     arrive cut; the offloads are set again afterwards.
//   - Its Read splits superpackets, and its os.File is registered with the Go
//     runtime's poller, which then wakes a runtime thread for packets that our
//     own poll already sees: measured with idle processors, twice the context
//     switches, and a third to a half fewer packets under a flood. So it gets a
//     duplicate of the descriptor and is closed when it has done its part;
//     Device keeps the original, raw, and the device lives as long as that.
func Open(cfg Config) ([]Device, error) {
	cfg, err := cfg.check()
	if err != nil {
		return nil, err
	}
	var queues []*device
	err = InNetNS(cfg.NetNS, func() (err error) {
		if queues, err = openQueues(cfg); err != nil {
			return err
		}
		return configure(queues[0].name, cfg)
	})
	devices := make([]Device, len(queues))
	for i, q := range queues {
		devices[i] = q
		if err != nil {
			q.Close()
		}
	}
	if err != nil {
		return nil, err
	}
	return devices, nil
}

// openQueues opens the queues in the thread's namespace. On error it returns
// those that Open must close.
func openQueues(cfg Config) (queues []*device, err error) {
	for range cfg.Queues {
		flags := unix.IFF_TUN | unix.IFF_NO_PI | unix.IFF_VNET_HDR
		name := cfg.Name
		if cfg.Queues > 1 {
			// Only then: a multi-queue device takes a lock and a hash more per packet.
			flags |= unix.IFF_MULTI_QUEUE
		}
		if len(queues) > 0 {
			name = queues[0].name // a pattern has become a name
		} else {
			flags |= unix.IFF_TUN_EXCL
		}
		q, err := openQueue(name, flags)
		if err != nil {
			return queues, fmt.Errorf("tun: open %s: %w", name, err)
		}
		queues = append(queues, q)
	}
	return queues, nil
}

func openQueue(name string, flags int) (*device, error) {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return nil, err
	}
	ifr.SetUint16(uint16(flags))
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("/dev/net/tun (is the tun driver there?): %w", err)
	}
	if err := unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr); err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.EBUSY) {
			return nil, fmt.Errorf("a device of this name exists: %w", err)
		}
		return nil, fmt.Errorf("TUNSETIFF (needs CAP_NET_ADMIN): %w", err)
	}
	if err := takeOver(fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	offloads, err := setOffloads(fd)
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return newDevice(fd, ifr.Name(), offloads), nil
}

// takeOver has wireguard/tun examine and prepare the descriptor.
func takeOver(fd int) error {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("duplicate descriptor: %w", err)
	}
	d, _, err := wgtun.CreateUnmonitoredTUNFromFD(dup)
	if err != nil {
		// The package may already have wrapped the descriptor in an os.File
		// that is closed by the collector; closing it here could hit a
		// descriptor opened since.
		return fmt.Errorf("prepare: %w", err)
	}
	return d.Close()
}

const (
	offloadTCP = unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6
	offloadECN = unix.TUN_F_TSO_ECN
	offloadUDP = unix.TUN_F_USO4 | unix.TUN_F_USO6
)

// setOffloads tells the kernel which superpackets it may hand over whole, the
// most it accepts. USO came with Linux 6.2; TSO_ECN is older than this code
// but refused by some. Without any, the kernel cuts before we read.
func setOffloads(fd int) (uint32, error) {
	var err error
	for _, set := range []int{
		offloadTCP | offloadECN | offloadUDP,
		offloadTCP | offloadUDP,
		offloadTCP | offloadECN,
		offloadTCP,
		unix.TUN_F_CSUM,
		0,
	} {
		if err = unix.IoctlSetInt(fd, unix.TUNSETOFFLOAD, set); err == nil {
			return uint32(set), nil
		}
	}
	return 0, fmt.Errorf("TUNSETOFFLOAD: %w", err)
}
