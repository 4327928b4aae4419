"""Uploads that cannot fill a disk."""

from django.core.files.uploadhandler import FileUploadHandler

from accounts.pictures import max_bytes


class BoundedUploadHandler(FileUploadHandler):
    """Lets through one byte more of a file than a picture may have, and drops the rest as it comes in.

    So the form finds it too big, says so, and has everything else that was typed. To stand before Django's own in
    FILE_UPLOAD_HANDLERS.
    """

    def receive_data_chunk(self, raw_data, start):
        room = max(max_bytes() + 1 - start, 0)
        return raw_data[:room] or None

    def file_complete(self, file_size):
        return None
