from .answers import Answer as Answer
from .answers import render as render
from .server import answer_http as answer_http
from .server import create_server as create_server
from .server import serve_stdio as serve_stdio
from .tools import View as View
