package bench

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"hyperplane/bench/load"
)

var rewrite = flag.Bool("rewrite", false, "renew the golden files in testdata")

// TestMain lets the test's binary stand in for hyperplane where a path starts
// one of the load programs: BINARY bench NAME SETTINGS.
func TestMain(m *testing.M) {
	if len(os.Args) == 4 && os.Args[1] == "bench" {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		if err := load.Main(ctx, os.Args[2], os.Args[3], os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
