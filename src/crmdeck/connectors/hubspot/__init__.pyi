from .connector import open_connector as open_connector
from .profile import PROFILE as PROFILE
