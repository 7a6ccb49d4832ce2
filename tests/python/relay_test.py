#!/usr/bin/env python3
"""The relay between hierevo and a Python process that evaluates."""

import os
import pathlib
import queue
import select
import socket
import sys
import threading
import unittest.mock

import hierevo
from evaluator_harness import DEADLINE, Evaluator, EvaluatorTest
from hierevo.function_socket import FunctionSocket

RELAY = pathlib.Path(hierevo.__file__).with_name("relay.py")


class Relay(EvaluatorTest):
    def start_relay(self, path: str) -> Evaluator:
        with unittest.mock.patch.dict(os.environ, HIEREVO_PYTHON_SOCKET=path):
            relay = Evaluator([sys.executable, "-I", "-S", str(RELAY)], self.folder)
        self.addCleanup(relay.kill)
        return relay

    def listener(self) -> socket.socket:
        """The other process, of which this test plays the part."""
        listener = socket.socket(socket.AF_UNIX)
        self.addCleanup(listener.close)
        listener.bind(str(self.folder / "socket"))
        listener.listen()
        return listener

    def test_a_conversation_with_a_function(self) -> None:
        with FunctionSocket(lambda candidate, report: candidate.id) as functions:
            self.assertEqual(os.stat(functions.path).st_uid, os.getuid())
            self.assertEqual(os.stat(pathlib.Path(functions.path).parent).st_mode & 0o777, 0o700)
            relays = [self.start_relay(functions.path) for _ in range(2)]
            for relay in relays:
                hello = relay.receive()
                assert hello is not None
                self.assertEqual((hello["type"], hello["name"]), ("hello", "<lambda>"))
            for id, relay in enumerate(relays):
                relay.candidate(id, genotype={"large": "x" * 500_000})
            for id, relay in enumerate(relays):
                self.assertEqual(relay.answer()["fitness"], id)
            relays[0].send(type="shutdown")
            relays[1].close_input()
            for relay in relays:
                self.assertEqual(relay.end(), 0)
                self.assertEqual(relay.text(), "")
        self.assertFalse(pathlib.Path(functions.path).parent.exists())

    def test_a_call_that_was_given_up_is_waited_for(self) -> None:
        held, others = threading.Event(), queue.Queue()  # type: ignore[var-annotated]

        def evaluate(candidate: hierevo.Candidate, report: hierevo.Report) -> float:
            others.put(candidate.id)
            if candidate.id == 1:
                held.wait(DEADLINE)
            return candidate.id

        self.addCleanup(held.set)
        with FunctionSocket(evaluate) as functions:
            lost = self.connect(functions.path, 1)
            self.assertEqual(others.get(timeout=DEADLINE), 1)
            lost.close()
            impatient = self.connect(functions.path, 2)  # in its place, and given up as well
            with self.assertRaises(queue.Empty):
                others.get(timeout=0.5)
            impatient.close()
            waiting = self.connect(functions.path, 3)
            beside = self.connect(functions.path, 4)  # another one, which needs not wait
            self.assertEqual(others.get(timeout=DEADLINE), 4)
            self.assertIn(b'"fitness": 4', self.received(beside))
            with self.assertRaises(queue.Empty):
                others.get(timeout=0.5)
            self.assertFalse(select.select([waiting], [], [], 0)[0])  # no hello
            held.set()
            told = self.received(waiting)
            self.assertTrue(told.startswith(b'{"type": "hello"'))
            self.assertIn(b'"fitness": 3', told)

    def connect(self, path: str, candidate: int) -> socket.socket:
        """A relay's connection, which brings a candidate at once."""
        connection = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        connection.settimeout(DEADLINE)
        connection.connect(path)
        connection.sendall(b'{"type":"candidate","id":%d,"seed":1}\n' % candidate)
        return connection

    def received(self, connection: socket.socket) -> bytes:
        """Up to the result."""
        told = b""
        while b'"result"' not in told or not told.endswith(b"\n"):
            told += connection.recv(1 << 16)
        return told

    def relay_in_an_evaluation(self) -> tuple[socket.socket, Evaluator, socket.socket]:
        """What it connects to, a relay that has passed on candidate 5, and the other end of it."""
        listener = self.listener()
        relay = self.start_relay(str(self.folder / "socket"))
        connection, _ = listener.accept()
        relay.send(type="candidate", id=5)
        self.assertIn(b'"id": 5', connection.recv(1 << 16))
        return listener, relay, connection

    def test_without_the_other_process_it_waits_for_the_stop(self) -> None:
        listener, relay, connection = self.relay_in_an_evaluation()
        listener.close()
        connection.close()
        # As hierevo writes it.
        assert relay.process.stdin is not None
        relay.process.stdin.write(b'{"type":"stop","id":5}\n')
        relay.process.stdin.flush()
        self.assertEqual(relay.receive(), {"type": "stopped", "id": 5})
        relay.close_input()
        self.assertEqual(relay.end(), 0)
        self.assertIn("hierevo.Search is gone", relay.text())

    def test_a_closed_connection_to_a_living_process_is_a_crash(self) -> None:
        _listener, relay, connection = self.relay_in_an_evaluation()
        connection.close()
        self.assertEqual(relay.end(), 1)
        self.assertIn("has given up this evaluation", relay.text())


if __name__ == "__main__":
    unittest.main()
