// Package golden runs text files that say what is done and what comes of it.
//
// What: a script is a list of blocks, parted by empty lines. A block that has a
// line of four dashes is a step: its command, further lines that are the
// command's argument, and below the dashes what happened. Other blocks are
// comments. [Scripts] plays each file and compares.
//
//	# Guards I6: why this script is there.      ← the head: a comment
//
//	advance 5s                                  ← a step's command …
//	its argument                                ← … and argument
//	----
//	what happened                               ← compared, or renewed by -rewrite
//
//	testdata/*.txt ──Parse──▶ Script ──play──▶ Script ──String──▶ compared with the file
//
// Why this way: such a file is a test and the documentation of a protocol at the
// same time, a change of behaviour is a difference that people can read, and the
// packages that have scripts differ in their commands only.
//
// Limits: a line of what happened cannot be empty, since an empty line ends the
// block; a step that has nothing to say says "nothing".
package golden
