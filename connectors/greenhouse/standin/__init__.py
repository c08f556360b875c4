"""A Greenhouse organisation over HTTP, for tests and ``careerrelay demo``.

>>> greenhouse = GreenhouseStandIn(send_mail=my_mailer)
>>> with greenhouse.serve() as url:
...     settings = greenhouse.settings(url, webhook_secret="...")
...     greenhouse.add_hook("https://.../webhooks/my-connection", secret="...")
...     job = greenhouse.add_job("営業")
...     case = greenhouse.apply("太郎", "山田", emails=["taro@example.jp"], job_id=job)
...     greenhouse.reject(case, greenhouse.reason("Too Junior"))
"""

from .desk import GreenhouseStandIn
from .scenes import scene
from .stories import story

__all__ = ["GreenhouseStandIn", "scene", "story"]
