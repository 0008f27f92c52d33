package testnet

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netns"
)

// The state changes under a bulk transfer and an open connection, which go on
// as if nothing had happened; what is wrong with a file is said, and nothing of
// it is applied (I3, I14).
func TestReloadUnderLoad(t *testing.T) {
	dir := bringUp(t, "default")
	bulk := startBulk(t, "blue-1")
	talk := dialEcho(t, "blue-1", "tcp", "10.0.1.10:20000", web+":7")
	lives := func(t *testing.T) {
		t.Helper()
		if err := talk.echo("before and after"); err != nil {
			t.Errorf("an open connection: %v", err)
		}
		checkFlow(t, flows(t, dir), "tcp", "10.0.1.10:20000", "blue", "198.51.100.1")
		bulk.moves(t)
	}
	lives(t)

	t.Run("an instance is added", func(t *testing.T) {
		addNamespace(t, "hp-blue-3")
		setState(t, dir, 2, "version: 1", "version: 2", "  - {name: green-1,",
			"  - {name: blue-3, vpc: blue, address: 10.0.1.12, host: host-2, mtu: 1400, netns: hp-blue-3}\n  - {name: green-1,")
		if out := inside(t, "blue-3", "curl", "-sfm", "10", "http://"+web+"/"); !strings.Contains(out, "You are 198.51.100.1:") {
			t.Error(out)
		}
		inside(t, "blue-3", "ping", "-nc1", "-W5", "10.0.1.10")
		inside(t, "blue-1", "ping", "-nc1", "-W5", "10.0.1.12")
		lives(t)
	})
	t.Run("a route is changed", func(t *testing.T) {
		setState(t, dir, 3, "version: 2", "version: 3", "nat_gateway: nat-blue}", "nat_gateway: nat-spare}", "  - {name: nat-green,",
			"  - {name: nat-spare, service: 3, vpc: blue, address: 10.0.0.6, public_addresses: [198.51.100.3]}\n  - {name: nat-green,")
		if out := inside(t, "blue-1", "curl", "-sfm", "10", "http://"+web+"/"); !strings.Contains(out, "You are 198.51.100.3:") {
			t.Errorf("a new flow does not take the new route: %s", out)
		}
		if out := inside(t, "green-1", "curl", "-sfm", "10", "http://"+web+"/"); !strings.Contains(out, "You are 198.51.100.2:") {
			t.Error(out)
		}
		lives(t)
	})
	good, err := os.ReadFile(dir.State())
	if err != nil {
		t.Fatal(err)
	}
	line := 1 + strings.Count(string(good[:strings.Index(string(good), "172.31.0.12")]), "\n")
	for _, tt := range []struct {
		name, old, new string
		says           []string
	}{
		{"a broken value", "version: 3", "version: 4", []string{fmt.Sprintf("state.yaml:%d: nodes[1].address", line), "172.31.0.999"}},
		{"a lower version", "version: 3", "version: 2", []string{"version 2 is not above 3"}},
		{"the same version", "cell: demo", "cell:  demo", []string{"version 3 is not above 3"}},
		{"another cell's", "version: 3\ncell: demo", "version: 4\ncell: other", []string{`cell \"other\", not of \"demo\"`}},
		{"half a file", string(good[len(good)/2:]), "", []string{"state.yaml:"}},
		{"no file at all", string(good), "\x00\x01\x02", []string{"state.yaml:"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			logged := logSizes(t, dir)
			text := strings.Replace(string(good), tt.old, tt.new, 1)
			if tt.name == "a broken value" {
				text = strings.Replace(text, "address: 172.31.0.12}", "address: 172.31.0.999}", 1)
			}
			if text == string(good) {
				t.Fatal("nothing was changed")
			}
			if err := writeFile(dir.State(), []byte(text)); err != nil {
				t.Fatal(err)
			}
			for name, size := range logged {
				eventually(t, name+" says what is wrong", func() bool {
					said := logFrom(t, dir, name, size)
					for _, s := range append(tt.says, "state refused", `"version":3`) {
						if !strings.Contains(said, s) {
							return false
						}
					}
					return true
				})
				if s := scrape(t, dir, name); s["state_version"] != 3 {
					t.Errorf("%s has version %v", name, s["state_version"])
				}
			}
			lives(t)
		})
	}
	t.Run("and then a good one", func(t *testing.T) {
		if err := writeFile(dir.State(), good); err != nil {
			t.Fatal(err)
		}
		setState(t, dir, 5, "version: 3", "version: 5")
		lives(t)
	})
	bulk.stop()
	checkAccounts(t, dir)
}

// addNamespace makes a namespace that the topology does not have.
func addNamespace(t *testing.T, name string) {
	t.Helper()
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread, now inside, ends with this
		ns, err := netns.NewNamed(name)
		if err == nil {
			err = ns.Close()
		}
		made <- err
	}()
	if err := <-made; err != nil {
		t.Fatal(err)
	}
}

// logSizes is how long the roles' logs are now.
func logSizes(t *testing.T, dir Dir) map[string]int64 {
	t.Helper()
	top, err := running(dir)
	if err != nil {
		t.Fatal(err)
	}
	sizes := map[string]int64{}
	for _, p := range roles(top) {
		fi, err := os.Stat(dir.log(p.Name))
		if err != nil {
			t.Fatal(err)
		}
		sizes[p.Name] = fi.Size()
	}
	return sizes
}

// logFrom is what a part has logged after a size.
func logFrom(t *testing.T, dir Dir, name string, size int64) string {
	t.Helper()
	data, err := os.ReadFile(dir.log(name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data[size:])
}
