package sandbox

import "runtime"

// The main goroutine keeps the program's first thread. A goroutine that enters a
// namespace or a control group takes its thread with it when it ends; the first
// thread cannot end (runtime.mexit parks it), and would keep the group busy and the
// mounts in use for as long as the program runs.
func init() { runtime.LockOSThread() }
