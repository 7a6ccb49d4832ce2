"""A program on a terminal of a given width, and the lines that this would show."""
import codecs
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios


class Terminal:
    """What hierevo asks of a terminal: lines, returns to their begin, clearing to their end; and what
    happens by itself, the next line behind the last column."""

    TOKEN = re.compile(r"\x1b\[K|[^\x1b]|\x1b", re.DOTALL)

    def __init__(self, columns):
        self.columns = columns
        self.lines = [""]
        self.column = 0
        self.odd = []  # control characters that are none of those above

    def show(self, text):
        for token in self.TOKEN.findall(text):
            line = self.lines[-1]
            if token == "\x1b[K":
                self.lines[-1] = line[:self.column]
            elif token == "\r":
                self.column = 0
            elif token == "\n":
                self.lines.append("")
                self.column = 0
            elif ord(token) < 32 or 127 <= ord(token) < 160:
                self.odd.append(token)
            else:
                if self.column == self.columns:
                    self.lines.append("")
                    line, self.column = "", 0
                self.lines[-1] = line[:self.column] + token + line[self.column + 1:]
                self.column += 1


def on_terminal(words, columns, **how):
    """Runs a program to its end; gives back the terminal and the program's exit code."""
    terminal = Terminal(columns)
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    master, slave = pty.openpty()
    try:
        fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=slave, stderr=slave, **how)
        os.close(slave)
        while text := read(master):
            terminal.show(decoder.decode(text))
        return terminal, process.wait()
    finally:
        os.close(master)


def read(master):
    try:
        return os.read(master, 65536)
    except OSError:  # nobody has the other end any more
        return b""
