"""Run a program that the kernel kills when it, or a program it starts, opens an internet socket.

    python offline.py PROGRAM ARGUMENT ...

A seccomp filter watches system calls, so that a library's own code is seen as well as Python's. No
name can be looked up without such a socket. x86-64 Linux alone.
"""

import ctypes
import os
import socket
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16  # byte offsets in struct seccomp_data
X86_64, SOCKET = 0xC000003E, 41

# code, where to jump if equal and if not (instructions from the next one), operand
FILTER = (
    (LOAD_WORD, 0, 0, ARCHITECTURE),
    (JUMP_IF_EQUAL, 0, 5, X86_64),
    (LOAD_WORD, 0, 0, NUMBER),
    (JUMP_IF_EQUAL, 0, 3, SOCKET),
    (LOAD_WORD, 0, 0, FIRST_ARGUMENT),
    (JUMP_IF_EQUAL, 2, 0, socket.AF_INET),
    (JUMP_IF_EQUAL, 1, 0, socket.AF_INET6),
    (RETURN, 0, 0, ALLOW),
    (RETURN, 0, 0, KILL_PROCESS),
)


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def forbid_internet() -> None:
    instructions = b"".join(struct.pack("=HBBI", *instruction) for instruction in FILTER)
    program = Program(len(FILTER), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    refused = libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0
    )
    if refused:
        raise OSError(ctypes.get_errno(), "the kernel takes no seccomp filter")


if __name__ == "__main__":
    forbid_internet()
    os.execvp(sys.argv[1], sys.argv[1:])
