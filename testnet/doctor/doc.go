// Package doctor finds out what this machine's kernel can do for Hyperplane.
//
// Each feature is tried for real, in a network namespace that is thrown away,
// because versions and configuration files say little about what a container
// or a hardened kernel lets a program do.
//
//	unshare(CLONE_NEWNET) ─▶ try each feature ─▶ thread ends, namespace gone
//	                              │
//	                              ▼
//	                    Finding{Feature, Needed by, Err}
//
// Limits: Linux; what needs root is reported as missing without it.
package doctor
