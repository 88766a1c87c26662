// Package budgets holds aliyun-controller, as a process on a real control plane,
// to its budgets of API calls: profile std, counted by package tally. What fails
// shows the list of calls.
package budgets
