package testnet

import (
	"bytes"
	"fmt"
	"os"
)

// marker in a process' environment names the part it serves. It finds a
// process even when its namespace has lost its name and its pid file is gone.
const marker = "HYPERPLANE_TESTNET"

// markOf is the part a process says to serve, or "".
func markOf(pid int) string {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return ""
	}
	for v := range bytes.SplitSeq(env, []byte{0}) {
		if name, ok := bytes.CutPrefix(v, []byte(marker+"=")); ok {
			return string(name)
		}
	}
	return ""
}
